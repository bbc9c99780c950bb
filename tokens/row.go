package tokens

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var typeName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)

// tokenName is what a token may be called. The characters keep a name apart
// from the syntax of templates: in brackets every name can be written.
var tokenName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([. ][A-Za-z][A-Za-z0-9]*)*$`)

func (c *Catalogue) addContext(row []string) error {
	if slices.ContainsFunc(c.contexts, func(x Context) bool { return x.Name == row[0] }) {
		return fmt.Errorf("context %q stands twice", row[0])
	}
	c.contexts = append(c.contexts, Context{Name: row[0], Groups: cells(row[1]), Source: row[2]})
	return nil
}

func (c *Catalogue) addEvent(row []string) error {
	invoicing, err := yes("invoicing", row[6])
	e := EventType{
		Name: row[0], Type: row[1], Aliases: cells(row[2]), Context: row[3], Origin: Origin(row[4]),
		FiredBy: cells(row[5]), Invoicing: invoicing, Filters: cells(row[7]), Settings: row[8],
	}
	if !typeName.MatchString(e.Type) {
		err = errors.Join(err, fmt.Errorf("event type %q is no dotted name in lower case", e.Type))
	}
	if !slices.Contains([]Origin{Seed, Later, Change, Signal, Operational}, e.Origin) {
		err = errors.Join(err, fmt.Errorf("event %s: unknown origin %q", e.Type, e.Origin))
	}
	i := slices.IndexFunc(c.contexts, func(x Context) bool { return x.Name == e.Context })
	if i < 0 {
		err = errors.Join(err, fmt.Errorf("event %s: unknown context %q", e.Type, e.Context))
	} else {
		e.Groups = c.contexts[i].Groups
	}
	return errors.Join(err, c.indexEvent(e))
}

func (c *Catalogue) indexEvent(e EventType) error {
	if _, twice := c.byType[e.Type]; twice {
		return fmt.Errorf("event %s stands twice", e.Type)
	}
	at := len(c.events)
	c.events = append(c.events, e)
	c.byType[e.Type] = at
	for _, name := range append([]string{e.Name}, e.Aliases...) {
		name = strings.ToLower(name)
		if other, taken := c.byName[name]; taken {
			return fmt.Errorf("event %s: name %q is taken by %s", e.Type, name, c.events[other].Type)
		}
		c.byName[name] = at
	}
	return nil
}

func (c *Catalogue) addToken(row []string) error {
	email, err := yes("email", row[4])
	webhook, err2 := yes("webhook", row[5])
	t := Token{
		Group: row[0], Name: row[1], Type: Type(row[2]), Description: row[3], Email: email, Webhook: webhook,
		OnlyFor: cells(row[6]), Example: row[7], Source: row[8],
	}
	if err = errors.Join(err, err2); err != nil {
		return fmt.Errorf("token %q: %w", t.Name, err)
	}
	if !tokenName.MatchString(t.Name) {
		return fmt.Errorf("token %q is no name of letters, digits, dots and single spaces", t.Name)
	}
	if _, twice := c.byToken[t.Name]; twice {
		return fmt.Errorf("token %q stands twice", t.Name)
	}
	c.byToken[t.Name] = len(c.tokens)
	c.tokens = append(c.tokens, t)
	return nil
}
