package tokens

import (
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/tokens/internal/format"
)

// Catalogue is the immutable set of event types, contexts and tokens. It is
// safe for use by many goroutines.
type Catalogue struct {
	events   []EventType
	contexts []Context
	tokens   []Token
	byType   map[string]int
	byName   map[string]int // lower-case names and aliases of events
	byToken  map[string]int
	zones    format.Zones
}

// Event returns the event type with a dotted type name.
func (c *Catalogue) Event(eventType string) (EventType, bool) {
	i, ok := c.byType[eventType]
	if !ok {
		return EventType{}, false
	}
	return c.events[i], true
}

// Find returns the event type with a type, name or alias, in any case.
func (c *Catalogue) Find(name string) (EventType, bool) {
	if e, ok := c.Event(name); ok {
		return e, true
	}
	i, ok := c.byName[strings.ToLower(strings.TrimSpace(name))]
	if !ok {
		return EventType{}, false
	}
	return c.events[i], true
}

// Events returns every event type in the order of the data.
func (c *Catalogue) Events() []EventType { return slices.Clone(c.events) }

// Contexts returns every context in the order of the data.
func (c *Catalogue) Contexts() []Context { return slices.Clone(c.contexts) }

// Tokens returns every token in the order of the data.
func (c *Catalogue) Tokens() []Token { return slices.Clone(c.tokens) }

// Token returns the token with exactly this name.
func (c *Catalogue) Token(name string) (Token, bool) {
	i, ok := c.byToken[name]
	if !ok {
		return Token{}, false
	}
	return c.tokens[i], true
}

// Available returns the tokens that may be used for an event on a channel, in
// the order of the data; none for an unknown event.
func (c *Catalogue) Available(eventType string, channel delivery.Channel) []Token {
	e, ok := c.Event(eventType)
	if !ok {
		return nil
	}
	return c.where(func(t Token) bool { return e.Offers(t) && t.On(channel) })
}

// Carried returns the tokens whose values an event of the type may carry in
// its data; none for an unknown event.
func (c *Catalogue) Carried(eventType string) []Token {
	e, ok := c.Event(eventType)
	if !ok {
		return nil
	}
	return c.where(func(t Token) bool { return e.Offers(t) && t.Carried() })
}

func (c *Catalogue) where(keep func(Token) bool) []Token {
	var out []Token
	for _, t := range c.tokens {
		if keep(t) {
			out = append(out, t)
		}
	}
	return out
}
