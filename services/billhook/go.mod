module github.com/billhook/billhook/services/billhook

go 1.26.4

require (
	github.com/billhook/billhook/config v0.0.0
	github.com/billhook/billhook/services/console v0.0.0
	github.com/billhook/billhook/services/ingest v0.0.0
	github.com/billhook/billhook/services/mailer v0.0.0
	github.com/billhook/billhook/services/matcher v0.0.0
	github.com/billhook/billhook/services/queue v0.0.0
	github.com/billhook/billhook/services/scheduler v0.0.0
	github.com/billhook/billhook/services/webhook-sender v0.0.0
	github.com/billhook/billhook/shared v0.0.0
	github.com/billhook/billhook/streams v0.0.0
	github.com/billhook/billhook/streams/natstest v0.0.0
	github.com/billhook/billhook/tokens v0.0.0
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6
	github.com/emersion/go-smtp v0.25.1
	github.com/google/uuid v1.6.0
	github.com/nats-io/nats-server/v2 v2.15.2
	github.com/nats-io/nats.go v1.55.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/rs/zerolog v1.35.1
	github.com/spf13/cobra v1.10.2
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1
	go.uber.org/goleak v1.3.0
	pgregory.net/rapid v1.3.0
)

require (
	code.dny.dev/ssrf v0.3.0 // indirect
	github.com/PuerkitoBio/goquery v1.13.0 // indirect
	github.com/andybalholm/cascadia v1.3.4 // indirect
	github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op // indirect
	github.com/caarlos0/env/v11 v11.4.2 // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/danielgtaylor/huma/v2 v2.37.2 // indirect
	github.com/fatih/color v1.19.0 // indirect
	github.com/goccy/go-yaml v1.19.2 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/gorilla/css v1.0.1 // indirect
	github.com/inbucket/html2text v1.0.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/mailgun/raymond/v2 v2.0.48 // indirect
	github.com/mattn/go-colorable v0.1.15 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mattn/go-runewidth v0.0.27 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/olekukonko/errors v1.1.0 // indirect
	github.com/olekukonko/ll v0.0.9 // indirect
	github.com/olekukonko/tablewriter v1.0.7 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/ssor/bom v0.0.0-20170718123548-6386211fdfcf // indirect
	github.com/synadia-io/orbit.go/jetstreamext v0.3.2 // indirect
	github.com/synadia-io/orbit.go/natsext v0.1.3 // indirect
	github.com/vanng822/css v1.0.1 // indirect
	github.com/vanng822/go-premailer v1.38.0 // indirect
	github.com/wneessen/go-mail v0.8.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
)

replace (
	github.com/billhook/billhook/config => ../../config
	github.com/billhook/billhook/services/console => ../console
	github.com/billhook/billhook/services/ingest => ../ingest
	github.com/billhook/billhook/services/mailer => ../mailer
	github.com/billhook/billhook/services/matcher => ../matcher
	github.com/billhook/billhook/services/queue => ../queue
	github.com/billhook/billhook/services/scheduler => ../scheduler
	github.com/billhook/billhook/services/webhook-sender => ../webhook-sender
	github.com/billhook/billhook/shared => ../../shared
	github.com/billhook/billhook/streams => ../../streams
	github.com/billhook/billhook/streams/natstest => ../../streams/natstest
	github.com/billhook/billhook/tokens => ../../tokens
)
