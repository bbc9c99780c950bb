// Package contracttest reads the contract on NATS the way its readers do, so
// that tests can hold what is sent to it.
package contracttest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/billhook/billhook/services/ingest/internal/contract"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// place is where the document is said to lie.
const place = "asyncapi.json"

// Document is the contract.
type Document struct {
	// Root is the whole document, as JSON values.
	Root     any
	compiler *jsonschema.Compiler
}

// Example is an example of a message.
type Example struct {
	Name    string
	Headers map[string]any
	Payload map[string]any
}

// Message is a message of the components.
type Message struct {
	Examples []Example
}

// Read returns the contract of the catalogue.
func Read(t testing.TB) *Document {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	text, err := contract.AsyncAPI(c)
	if err != nil {
		t.Fatal(err)
	}
	d := &Document{compiler: jsonschema.NewCompiler()}
	d.compiler.AssertFormat()
	if d.Root, err = jsonschema.UnmarshalJSON(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if err := d.compiler.AddResource(place, d.Root); err != nil {
		t.Fatal(err)
	}
	return d
}

// At returns what a JSON pointer leads to; nil where it leads nowhere.
func (d *Document) At(path ...string) any {
	at := d.Root
	for _, name := range path {
		members, _ := at.(map[string]any)
		at = members[name]
	}
	return at
}

// Messages returns the messages by their name.
func (d *Document) Messages(t testing.TB) map[string]Message {
	t.Helper()
	text, err := json.Marshal(d.At("components", "messages"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Message{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Check returns what is wrong with a part of a message, "headers" or
// "payload". A part that the document leaves open is right.
func (d *Document) Check(t testing.TB, message, part string, value any) error {
	t.Helper()
	path := []string{"components", "messages", message, part}
	if d.At(path...) == nil {
		return nil
	}
	schema, err := d.compiler.Compile(place + "#" + fault.Pointer(path...))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}
