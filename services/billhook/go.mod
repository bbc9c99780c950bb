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
	github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op // indirect
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nats-server/v2 v2.15.2 // indirect
	github.com/nats-io/nats.go v1.55.0 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/rs/zerolog v1.35.1 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.16.0 // indirect
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
