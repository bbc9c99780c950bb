module github.com/billhook/billhook/services/billhook

go 1.26.0

require (
	github.com/billhook/billhook/config v0.0.0
	github.com/billhook/billhook/services/ingest v0.0.0
	github.com/billhook/billhook/services/mailer v0.0.0
	github.com/billhook/billhook/services/matcher v0.0.0
	github.com/billhook/billhook/services/scheduler v0.0.0
	github.com/billhook/billhook/services/webhook-sender v0.0.0
	github.com/billhook/billhook/shared v0.0.0
	github.com/billhook/billhook/streams v0.0.0
	github.com/billhook/billhook/streams/natstest v0.0.0
	github.com/billhook/billhook/tokens v0.0.0
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1 // indirect
)

replace (
	github.com/billhook/billhook/config => ../../config
	github.com/billhook/billhook/services/ingest => ../ingest
	github.com/billhook/billhook/services/mailer => ../mailer
	github.com/billhook/billhook/services/matcher => ../matcher
	github.com/billhook/billhook/services/scheduler => ../scheduler
	github.com/billhook/billhook/services/webhook-sender => ../webhook-sender
	github.com/billhook/billhook/shared => ../../shared
	github.com/billhook/billhook/streams => ../../streams
	github.com/billhook/billhook/streams/natstest => ../../streams/natstest
	github.com/billhook/billhook/tokens => ../../tokens
)
