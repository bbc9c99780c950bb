module github.com/billhook/billhook/services/ingest

go 1.26.0

require (
	github.com/billhook/billhook/config v0.0.0
	github.com/billhook/billhook/shared v0.0.0
	github.com/billhook/billhook/streams v0.0.0
	github.com/billhook/billhook/streams/natstest v0.0.0
	github.com/billhook/billhook/tokens v0.0.0
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/rs/zerolog v1.35.1 // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

replace (
	github.com/billhook/billhook/config => ../../config
	github.com/billhook/billhook/shared => ../../shared
	github.com/billhook/billhook/streams => ../../streams
	github.com/billhook/billhook/streams/natstest => ../../streams/natstest
	github.com/billhook/billhook/tokens => ../../tokens
)
