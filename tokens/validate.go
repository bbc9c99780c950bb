package tokens

import (
	"errors"
	"fmt"
	"slices"

	"github.com/billhook/billhook/shared/delivery"
)

// validate checks what no row can know alone.
func (c *Catalogue) validate() error {
	var bad []error
	for _, x := range c.contexts {
		bad = append(bad, c.validateContext(x)...)
	}
	for _, t := range c.tokens {
		bad = append(bad, c.validateToken(t)...)
	}
	for _, e := range c.events {
		bad = append(bad, c.validateEvent(e)...)
	}
	return errors.Join(bad...)
}

func (c *Catalogue) validateContext(x Context) (bad []error) {
	for _, g := range x.Groups {
		if !slices.ContainsFunc(c.tokens, func(t Token) bool { return t.Group == g }) {
			bad = append(bad, fmt.Errorf("context %q offers group %q, which has no tokens", x.Name, g))
		}
	}
	return bad
}

func (c *Catalogue) validateToken(t Token) (bad []error) {
	if !slices.ContainsFunc(c.contexts, func(x Context) bool { return slices.Contains(x.Groups, t.Group) }) {
		bad = append(bad, fmt.Errorf("token %q: no context offers group %q", t.Name, t.Group))
	}
	if t.Webhook && t.Group == Contact {
		bad = append(bad, fmt.Errorf("token %q: Contact tokens are for email only", t.Name))
	}
	for _, name := range t.OnlyFor {
		e, ok := c.Event(name)
		switch {
		case !ok:
			bad = append(bad, fmt.Errorf("token %q: only_for names the unknown event type %q", t.Name, name))
		case !e.Offers(t):
			bad = append(bad, fmt.Errorf("token %q: only_for names %q, whose context lacks group %q", t.Name, name, t.Group))
		}
	}
	if err := t.Type.valid(t.Example); err != nil {
		bad = append(bad, fmt.Errorf("token %q: example: %w", t.Name, err))
	}
	return bad
}

func (c *Catalogue) validateEvent(e EventType) (bad []error) {
	for _, name := range e.Filters {
		t, ok := c.Token(name)
		if !ok || !e.Offers(t) || !t.On(delivery.Webhook) {
			bad = append(bad, fmt.Errorf("event %s: useful filter %q is not available in it", e.Type, name))
		}
	}
	return bad
}
