package contract

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/tokens"
)

// basics are the schemas that many messages share. Those of tokens are added
// by the events that have them.
func basics() object {
	return object{
		"id": object{
			"type": "string", "pattern": id.Pattern(), "examples": []any{"inv-42-posted"},
			"description": "Names the event among the owner's. Another one with the same id within DEDUP_WINDOW is a duplicate.",
		},
		"account": object{
			"type": []any{"string", "null"}, "pattern": id.Pattern(), "examples": []any{"A-1001"},
			"description": "The account concerned.",
		},
		"time": object{
			"type": "string", "format": "date-time", "pattern": envelope.TimePattern,
			"description": "When it happened: not before 1970, and at most a day ahead.",
		},
		"source": object{"type": "string", "minLength": 1, "description": "Where the event is from; not looked at."},
	}
}

// data is the schema of an event's data: that of the catalogue, with those of
// its members made shared.
func (d *draft) data(e tokens.EventType) (object, error) {
	text, err := d.catalogue.Schema(e.Type)
	if err != nil {
		return nil, err
	}
	var schema struct {
		Description string         `json:"description"`
		Type        string         `json:"type"`
		Properties  map[string]any `json:"properties"`
		Additional  bool           `json:"additionalProperties"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // bounds are longer than a float is exact
	if err := dec.Decode(&schema); err != nil {
		return nil, fault.New(fault.Internal, "read schema", e.Type, err)
	}
	properties := object{}
	for name, property := range schema.Properties {
		// Names of components have no spaces; those of tokens have no
		// underscores.
		shared := "token." + strings.ReplaceAll(name, " ", "_")
		d.schemas[shared] = property
		properties[name] = component("schemas", shared)
	}
	return object{
		"description": schema.Description, "type": schema.Type, "properties": properties,
		"additionalProperties": schema.Additional,
	}, nil
}

// dataOf is the name of the schema of an event's data.
func dataOf(e tokens.EventType) string { return "data." + e.Type }

// schemaID is what the schema of an event's data calls itself.
func schemaID(e tokens.EventType) string { return "urn:billhook:event:" + e.Type }

// open is the schema of an object that may get more members.
func open(properties object, required ...string) object {
	return object{"type": "object", "properties": properties, "required": required}
}

// list is the schema of a list.
func list(of object) object { return object{"type": "array", "items": of} }

// typed is the schema of any value of a type.
func typed(name, description string) object {
	return object{"type": name, "description": description}
}
