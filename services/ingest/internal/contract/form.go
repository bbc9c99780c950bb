package contract

import (
	"maps"
	"slices"
	"time"

	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

// form is an event type that is to be put into a form.
type form struct {
	event   tokens.EventType
	account bool // whether it must have one
	example *event.Event
}

// way is one of the forms in which platforms publish an event.
type way struct {
	name    string
	message func(form) object
}

// forms are all of them, as package envelope reads them.
func forms() []way {
	return []way{{"plain", form.plain}, {"structured", form.structured}, {"binary", form.binary}}
}

// members are the attributes of an event, and which of them must be given.
type members struct {
	properties object
	required   []string
}

// source is what the examples give for where an event is from.
const source = "/billing"

// plain is {id, type, time, account, data}.
func (f form) plain() object {
	m := f.members("account")
	m.properties["data"] = component("schemas", dataOf(f.event))
	example := f.attributes("account")
	example["data"] = f.example.Data
	return object{
		"name": f.event.Type, "title": f.event.Name + ", plain JSON", "contentType": envelope.JSON,
		"payload": object{
			"type": "object", "properties": m.properties, "required": m.required, "additionalProperties": false,
		},
		"examples": []any{object{"name": "plain", "payload": example}},
	}
}

// structured is a CloudEvent in the JSON format.
func (f form) structured() object {
	m := f.members("subject")
	m.cloud("")
	m.properties["data"] = component("schemas", dataOf(f.event))
	m.properties["datacontenttype"] = object{"type": "string", "description": "a JSON type, if it is given"}
	m.properties["dataschema"] = object{"type": "string", "description": "not looked at; " + schemaID(f.event) + " would be right"}
	// The names of extensions that stand for something else here.
	m.properties["owner"], m.properties["account"] = false, false
	example := f.cloud("")
	example["data"] = few(f.example.Data)
	return object{
		"name": f.event.Type, "title": f.event.Name + ", structured CloudEvent", "contentType": envelope.CloudEvent,
		"headers": object{"type": "object", "properties": object{
			"content-type": object{"const": envelope.CloudEvent, "description": "may be left out: specversion tells as much"},
		}},
		"payload": object{
			"type": "object", "properties": m.properties, "required": m.required,
			// Other attributes are taken and mean nothing.
			"propertyNames": object{"pattern": "^[a-z0-9]+$"}, "additionalProperties": object{"type": []any{"string", "number", "boolean", "null"}},
		},
		"examples": []any{object{
			"name": "structured", "headers": object{"content-type": envelope.CloudEvent}, "payload": example,
		}},
	}
}

// binary is a CloudEvent whose attributes are headers.
func (f form) binary() object {
	const prefix = "ce-"
	m := members{properties: object{}}
	of := f.members("subject")
	for name, schema := range of.properties {
		m.properties[prefix+name] = schema
	}
	for _, name := range of.required {
		m.required = append(m.required, prefix+name)
	}
	m.cloud(prefix)
	m.properties["content-type"] = object{"type": "string", "description": "a JSON type, if it is given"}
	return object{
		"name": f.event.Type, "title": f.event.Name + ", binary CloudEvent", "contentType": envelope.JSON,
		"headers": object{"type": "object", "properties": m.properties, "required": m.required},
		"payload": component("schemas", dataOf(f.event)),
		"examples": []any{object{
			"name": "binary", "headers": f.cloud(prefix), "payload": few(f.example.Data),
		}},
	}
}

// members are those that all forms have, with the name that the account has in
// the form.
func (f form) members(account string) members {
	m := members{required: []string{"id", "time"}, properties: object{
		"id": component("schemas", "id"), "time": component("schemas", "time"), account: component("schemas", "account"),
		"type": object{"const": f.event.Type, "description": "may be left out: the subject says it"},
	}}
	if f.account {
		m.required = append(m.required, account)
	}
	return m
}

// cloud adds what a CloudEvent has besides.
func (m *members) cloud(prefix string) {
	m.properties[prefix+"specversion"] = object{"const": "1.0"}
	m.properties[prefix+"source"] = component("schemas", "source")
	m.required = append(m.required, prefix+"specversion", prefix+"source")
}

// attributes are those of the example, without its data.
func (f form) attributes(account string) object {
	out := object{"id": f.example.ID, "type": f.event.Type, "time": f.example.Time.Format(time.RFC3339)}
	if f.example.Account != "" {
		out[account] = f.example.Account
	}
	return out
}

// cloud are the attributes of the example as a CloudEvent.
func (f form) cloud(prefix string) object {
	out := object{prefix + "specversion": "1.0", prefix + "source": source}
	for name, value := range f.attributes("subject") {
		out[prefix+name] = value
	}
	return out
}

// few are some of the values: the example of the plain form has them all.
func few(all event.Values) event.Values {
	const most = 3
	out := event.Values{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(out) < most {
			out[name] = all[name]
		}
	}
	return out
}
