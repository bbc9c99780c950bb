// Package contract writes the public contract of Billhook on NATS: an AsyncAPI
// document and a page for people. Both are made from what ingest judges by, so
// that they cannot promise anything else: the catalogue, the subjects, the
// rules of an event's form. Its test holds the files in docs to them, gives
// every example to admission, and with -update writes them.
package contract

import (
	"bytes"
	"encoding/json"

	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

//go:generate go test -run Files -update .

// version is that of the contract. Members and types that are added keep the
// first number.
const version = "1.0.0"

// object is a JSON object. Its members are written in the order of their names.
type object map[string]any

// ref refers to a part of the document.
func ref(path ...string) object { return object{"$ref": "#" + fault.Pointer(path...)} }

// component refers to a component.
func component(kind, name string) object { return ref("components", kind, name) }

// AsyncAPI returns the document, AsyncAPI 3.0 as JSON. Its operations are those
// of Billhook: it receives what platforms send.
func AsyncAPI(c *tokens.Catalogue) ([]byte, error) {
	d := draft{catalogue: c, rules: rules.New(c), channels: object{}, operations: object{}, messages: object{}, schemas: basics()}
	for _, e := range c.Events() {
		if err := d.add(e); err != nil {
			return nil, err
		}
	}
	d.addAcknowledgement()
	if err := d.addRejected(); err != nil {
		return nil, err
	}
	doc := object{
		"asyncapi": "3.0.0", "defaultContentType": "application/json",
		"info": object{
			"title": "Billhook on NATS", "version": version, "description": introduction,
			"license": object{"name": "MIT"},
		},
		"servers":  servers(),
		"channels": d.channels, "operations": d.operations,
		"components": object{
			"messages": d.messages, "schemas": d.schemas, "parameters": parameters(), "securitySchemes": credentials(),
		},
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(doc); err != nil {
		return nil, fault.New(fault.Internal, "write contract", "asyncapi", err)
	}
	return out.Bytes(), nil
}
