// Package tokens knows which values an event can have, checks templates
// against that, and renders them. The catalogue is data: three tables in data/
// that can be replaced without touching code.
package tokens

import (
	"embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/delivery"
)

//go:embed data/*.csv
var data embed.FS

// EventType is one row of events.csv.
type EventType struct {
	// Name is for people, Type is the dotted name, Aliases are other names
	// that people know it by.
	Name    string
	Type    string
	Aliases []string
	// Context decides which token groups the event offers.
	Context string
	Origin  Origin
	// FiredBy says who may publish it: platform, scheduler, billhook.
	FiredBy []string
	// Invoicing events go to the billing contact of accounts with email
	// invoicing.
	Invoicing bool
	// Filters are tokens worth filtering on; Settings what a subscription to
	// it needs.
	Filters  []string
	Settings string
	// Groups are the token groups of the context.
	Groups []string
}

// Origin says where an event type comes from.
type Origin string

// The origins.
const (
	Seed        Origin = "seed"
	Later       Origin = "later"
	Change      Origin = "change"
	Signal      Origin = "signal"      // input only
	Operational Origin = "operational" // Billhook's own
)

// Subscribable reports whether a subscription may name the event.
func (e *EventType) Subscribable() bool { return e.Origin != Signal }

// HasGroup reports whether the event offers a token group.
func (e *EventType) HasGroup(group string) bool { return slices.Contains(e.Groups, group) }

// Token is one row of tokens.csv.
type Token struct {
	Group   string
	Name    string
	Type    Type
	Meaning string
	Email   bool
	Webhook bool
	// OnlyFor lists the only event types that know it; empty means every one
	// whose context offers the group.
	OnlyFor []string
	Example string
	Source  string
}

// Type is the type of a token's value.
type Type string

// The types of values.
const (
	String   Type = "string"
	Money    Type = "money"
	Integer  Type = "integer"
	Decimal  Type = "decimal"
	Percent  Type = "percent"
	Date     Type = "date"
	Time     Type = "time"
	DateTime Type = "datetime"
	Currency Type = "currency"
	TimeZone Type = "timezone"
	Boolean  Type = "boolean"
)

// In reports whether a channel may use the token.
func (t *Token) In(ch delivery.Channel) bool {
	if ch == delivery.Email {
		return t.Email
	}
	return t.Webhook
}

// Catalogue is the three tables, checked and indexed. It does not change once
// loaded and may be shared.
type Catalogue struct {
	events []EventType
	tokens []Token
	byType map[string]*EventType
	byName map[string]*Token
}

// Load reads the catalogue that the program carries. An error names the table
// and the row that breaks a rule.
func Load() (*Catalogue, error) {
	contexts, err := rows("contexts.csv")
	if err != nil {
		return nil, err
	}
	groups := map[string][]string{}
	for _, r := range contexts {
		groups[r[0]] = list(r[1])
	}
	c := &Catalogue{byType: map[string]*EventType{}, byName: map[string]*Token{}}
	if err := c.loadEvents(groups); err != nil {
		return nil, err
	}
	if err := c.loadTokens(groups); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Catalogue) loadEvents(groups map[string][]string) error {
	table, err := rows("events.csv")
	if err != nil {
		return err
	}
	for i, r := range table {
		e := EventType{
			Name: r[0], Type: r[1], Aliases: list(r[2]), Context: r[3], Origin: Origin(r[4]), FiredBy: list(r[5]),
			Invoicing: r[6] == "yes", Filters: list(r[7]), Settings: r[8], Groups: groups[r[3]],
		}
		if e.Groups == nil {
			return fmt.Errorf("events.csv row %d: unknown context %q", i+2, e.Context)
		}
		c.events = append(c.events, e)
	}
	for i := range c.events {
		e := &c.events[i]
		if c.byType[e.Type] != nil {
			return fmt.Errorf("events.csv row %d: type %q stands twice", i+2, e.Type)
		}
		c.byType[e.Type] = e
	}
	return nil
}

func (c *Catalogue) loadTokens(groups map[string][]string) error {
	table, err := rows("tokens.csv")
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, list := range groups {
		for _, g := range list {
			known[g] = true
		}
	}
	for i, r := range table {
		t := Token{Group: r[0], Name: r[1], Type: Type(r[2]), Meaning: r[3], Email: r[4] == "yes", Webhook: r[5] == "yes",
			OnlyFor: list(r[6]), Example: r[7], Source: r[8]}
		if !known[t.Group] {
			return fmt.Errorf("tokens.csv row %d: unknown group %q", i+2, t.Group)
		}
		for _, typ := range t.OnlyFor {
			if c.byType[typ] == nil {
				return fmt.Errorf("tokens.csv row %d: only_for names the unknown type %q", i+2, typ)
			}
		}
		c.tokens = append(c.tokens, t)
	}
	for i := range c.tokens {
		t := &c.tokens[i]
		if c.byName[t.Name] != nil {
			return fmt.Errorf("tokens.csv row %d: token %q stands twice", i+2, t.Name)
		}
		c.byName[t.Name] = t
	}
	return nil
}

// rows reads a table without its heading.
func rows(name string) ([][]string, error) {
	f, err := data.Open("data/" + name)
	if err != nil {
		return nil, fmt.Errorf("load catalogue: %w", err)
	}
	defer func() { _ = f.Close() }()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("load catalogue %s: %w", name, err)
	}
	return table[1:], nil
}

func list(cell string) []string {
	if cell == "" {
		return nil
	}
	parts := strings.Split(cell, ";")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Event returns the event of a type.
func (c *Catalogue) Event(eventType string) (EventType, bool) {
	e, ok := c.byType[eventType]
	if !ok {
		return EventType{}, false
	}
	return *e, true
}

// Events returns every event, in the order of the table.
func (c *Catalogue) Events() []EventType { return slices.Clone(c.events) }

// Token returns the token of a name.
func (c *Catalogue) Token(name string) (Token, bool) {
	t, ok := c.byName[name]
	if !ok {
		return Token{}, false
	}
	return *t, true
}

// Available returns the tokens that a channel may use for an event, in the
// order of the table.
func (c *Catalogue) Available(eventType string, ch delivery.Channel) []Token {
	e, ok := c.byType[eventType]
	if !ok {
		return nil
	}
	var out []Token
	for _, t := range c.tokens {
		if e.HasGroup(t.Group) && t.In(ch) && (len(t.OnlyFor) == 0 || slices.Contains(t.OnlyFor, eventType)) {
			out = append(out, t)
		}
	}
	return out
}
