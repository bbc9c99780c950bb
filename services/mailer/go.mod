module github.com/billhook/billhook/services/mailer

go 1.26.0

require (
	github.com/billhook/billhook/config v0.0.0
	github.com/billhook/billhook/shared v0.0.0
	github.com/billhook/billhook/streams v0.0.0
	github.com/billhook/billhook/streams/natstest v0.0.0
	github.com/billhook/billhook/tokens v0.0.0
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/wneessen/go-mail v0.8.1 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

replace (
	github.com/billhook/billhook/config => ../../config
	github.com/billhook/billhook/shared => ../../shared
	github.com/billhook/billhook/streams => ../../streams
	github.com/billhook/billhook/streams/natstest => ../../streams/natstest
	github.com/billhook/billhook/tokens => ../../tokens
)
