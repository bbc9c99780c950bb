module github.com/billhook/billhook/tokens

go 1.26.4

require (
	github.com/billhook/billhook/shared v0.0.0
	github.com/google/go-cmp v0.7.0
	github.com/mailgun/raymond/v2 v2.0.48
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	go.uber.org/goleak v1.3.0
	golang.org/x/net v0.62.0
	pgregory.net/rapid v1.3.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/billhook/billhook/shared => ../shared
