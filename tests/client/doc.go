// Package client is what a public generator makes of the OpenAPI document: it
// proves that others can make one of it too. It refuses to hold a line of ours.
package client

//go:generate env GOWORK=off go -C ../../tools/openapi tool oapi-codegen -config ../../tests/client/config.yaml -o ../../tests/client/client.go ../../docs/openapi.json
