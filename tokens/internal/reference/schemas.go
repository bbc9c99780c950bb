package reference

import (
	"fmt"
	"strings"

	"github.com/billhook/billhook/tokens"
)

// Schemas returns the JSON Schema of every event's data, and a page that lists
// them, by the name of the file.
func Schemas(c *tokens.Catalogue) (map[string]string, error) {
	var page strings.Builder
	page.WriteString(generated + schemasIntro)
	files := map[string]string{}
	for _, e := range c.Events() {
		schema, err := c.Schema(e.Type)
		if err != nil {
			return nil, err
		}
		files[schemaFile(e)] = string(schema)
		fmt.Fprintf(&page, "| [%s](%s) | `%s` | %s | %d | %s |\n",
			e.Type, schemaFile(e), schemaID(e), e.Context, len(c.Carried(e.Type)), strings.Join(e.FiredBy, ", "))
	}
	files["README.md"] = page.String()
	return files, nil
}

func schemaFile(e tokens.EventType) string { return e.Type + ".json" }

// schemaID is what a schema calls itself, which is what a CloudEvent may name
// as its dataschema.
func schemaID(e tokens.EventType) string { return "urn:billhook:event:" + e.Type }

const schemasIntro = `
# Schemas of the events' data

A JSON Schema (draft 2020-12) for the data of every event: which members it may have, their form, and an example with all
of them. The data is flat; each member is a token of [events.md](../events.md), may be left out or null, which is the same,
and nothing beyond the members is taken. [nats.md](../nats.md) says what an event has besides its data.

Money is a string, ` + "`\"1234.50\"`" + `, because a JSON number passes through a float in most readers. Have your validator assert
` + "`format`" + `, or it takes the 31st of February. Billhook judges by the same rules and one more: a time zone must exist.

| event | ` + "`$id`" + ` | context | members | fired by |
|---|---|---|---|---|
`
