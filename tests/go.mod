module github.com/billhook/billhook/tests

go 1.26.0

require (
	github.com/billhook/billhook/config v0.0.0
	github.com/billhook/billhook/services/billhook v0.0.0
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

require github.com/google/go-cmp v0.7.0

require github.com/goccy/go-yaml v1.19.2 // indirect

replace (
	github.com/billhook/billhook/config => ../config
	github.com/billhook/billhook/services/billhook => ../services/billhook
	github.com/billhook/billhook/services/ingest => ../services/ingest
	github.com/billhook/billhook/services/mailer => ../services/mailer
	github.com/billhook/billhook/services/matcher => ../services/matcher
	github.com/billhook/billhook/services/scheduler => ../services/scheduler
	github.com/billhook/billhook/services/webhook-sender => ../services/webhook-sender
	github.com/billhook/billhook/shared => ../shared
	github.com/billhook/billhook/streams => ../streams
	github.com/billhook/billhook/streams/natstest => ../streams/natstest
	github.com/billhook/billhook/tokens => ../tokens
)
