package tokens

import (
	"encoding/json"

	"github.com/billhook/billhook/shared/fault"
)

// MaxText is the greatest length of a string value in characters.
const MaxText = 8192

// schema is the part of JSON Schema 2020-12 that is used here. Numbers are
// given as their literals.
type schema struct {
	Dialect     string            `json:"$schema,omitempty"`
	ID          string            `json:"$id,omitempty"`
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Type        any               `json:"type,omitempty"`
	Format      string            `json:"format,omitempty"`
	Pattern     string            `json:"pattern,omitempty"`
	MaxLength   int               `json:"maxLength,omitempty"`
	Minimum     json.Number       `json:"minimum,omitempty"`
	Maximum     json.Number       `json:"maximum,omitempty"`
	Properties  map[string]schema `json:"properties,omitempty"`
	Additional  *bool             `json:"additionalProperties,omitempty"`
	Examples    []any             `json:"examples,omitempty"`
}

// Schema returns the JSON Schema (draft 2020-12) of the data of an event: a
// flat object whose members are the tokens that the event carries. Every member
// may be left out or null, which is the same; none beyond them is legal. It
// holds an example with all of them.
//
// Money is a string: a JSON number is refused, so that no amount ever passes
// through a float. The formats "date" and "date-time" must be asserted, or the
// 31st of February passes. That a time zone exists is left to [ValidZone].
func (c *Catalogue) Schema(eventType string) ([]byte, error) {
	e, ok := c.Event(eventType)
	if !ok {
		return nil, fault.New(fault.NotFound, "make schema", eventType, nil)
	}
	closed := false
	s := schema{
		Dialect: "https://json-schema.org/draft/2020-12/schema",
		ID:      "urn:billhook:event:" + e.Type,
		Title:   e.Name, Type: "object",
		Description: e.describe(),
		Properties:  map[string]schema{}, Additional: &closed,
		Examples: []any{c.Example(eventType).Data},
	}
	for _, t := range c.Carried(eventType) {
		s.Properties[t.Name] = t.schema()
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fault.New(fault.Internal, "make schema", eventType, err)
	}
	return append(b, '\n'), nil
}

// describe says what the data of the event is.
func (e EventType) describe() string {
	return "Data of an event of type " + e.Type + ", in the context " + e.Context + ". Every member may be left out."
}

// schema returns the schema of the token's value.
func (t Token) schema() schema {
	s := schema{Description: t.Description, Examples: []any{t.Type.value(t.Example)}, Type: [2]string{"string", "null"}}
	switch t.Type {
	case Integer:
		s.Type, s.Minimum, s.Maximum = [2]string{"integer", "null"}, "-9223372036854775808", "9223372036854775807"
	case Decimal:
		s.Type, s.Minimum, s.Maximum = [2]string{"number", "null"}, "-1000000000000000000", "1000000000000000000"
	case Percent:
		s.Type, s.Minimum, s.Maximum = [2]string{"number", "null"}, "0", "1000000"
	case Boolean:
		s.Type = [2]string{"boolean", "null"}
	case Date:
		s.Format, s.Pattern = "date", datePattern
	case DateTime:
		s.Format, s.Pattern = "date-time", dateTimePattern
	case Time:
		s.Pattern = timePattern
	case Money:
		s.Pattern = moneyPattern
	case Currency:
		s.Pattern = currencyPattern
	case TimeZone:
		s.Pattern, s.MaxLength = zonePattern, 64
	case String:
		s.MaxLength = MaxText
	}
	return s
}
