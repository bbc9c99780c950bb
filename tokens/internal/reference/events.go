// Package reference writes the pages about events and tokens from the
// catalogue, so that they cannot say anything else than the product does. Its
// test holds the pages in docs to it, and with -update writes them.
package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/billhook/billhook/tokens"
)

//go:generate go test -run Pages -update .

const generated = "<!-- Generated from the catalogue in tokens/data: go test ./tokens/internal/reference -update -->\n"

// Events returns the page about events: what there is, which groups of tokens
// each offers, and for each event its tokens.
func Events(c *tokens.Catalogue) string {
	var b strings.Builder
	b.WriteString(generated + eventsIntro)
	overview(&b, c)
	matrix(&b, c)
	b.WriteString("\n## Each event and its tokens\n\nA token with ✉ is for email only; *italics* mark tokens that are inferred, not observed.\n")
	for _, e := range c.Events() {
		eventSection(&b, c, e)
	}
	return b.String()
}

const eventsIntro = `
# Events

Every event type, what fires it, and which tokens may be used with it. A token is legal in an event when the event's
context offers the token's group and the token is not reserved for other events. The meaning of each token is in
[tokens.md](tokens.md).

Origins: **seed** are the fifteen events that the product was made for, **later** are names that newer systems of this
kind use, **change** events tell of an object created, updated or deleted, a **signal** is input only and cannot be
subscribed, **operational** events are Billhook's own. *Invoicing* events go to the billing contact of an account with
email invoicing.

## All events

| event | type | context | origin | fired by | invoicing |
|---|---|---|---|---|---|
`

func overview(b *strings.Builder, c *tokens.Catalogue) {
	for _, e := range c.Events() {
		invoicing := ""
		if e.Invoicing {
			invoicing = "yes"
		}
		fmt.Fprintf(b, "| [%s](#%s) | `%s` | %s | %s | %s | %s |\n",
			e.Name, anchor(e), e.Type, e.Context, e.Origin, strings.Join(e.FiredBy, ", "), invoicing)
	}
}

// matrix shows which event offers which groups.
func matrix(b *strings.Builder, c *tokens.Catalogue) {
	groups := groupNames(c)
	b.WriteString("\n## Groups of tokens by event\n\n| event | " + strings.Join(groups, " | ") + " |\n|---|" +
		strings.Repeat(":-:|", len(groups)) + "\n")
	for _, e := range c.Events() {
		cells := make([]string, len(groups))
		for i, g := range groups {
			if slices.Contains(e.Groups, g) {
				cells[i] = "●"
			}
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", e.Type, strings.Join(cells, " | "))
	}
}

func eventSection(b *strings.Builder, c *tokens.Catalogue, e tokens.EventType) {
	fmt.Fprintf(b, "\n### %s\n\n`%s` · context %s · %s · fired by %s", e.Name, e.Type, e.Context, e.Origin, strings.Join(e.FiredBy, ", "))
	if e.Invoicing {
		b.WriteString(" · invoicing")
	}
	b.WriteString("\n\n")
	line(b, "Schema of its data", "[schemas/"+schemaFile(e)+"](schemas/"+schemaFile(e)+")")
	line(b, "Also called", strings.Join(e.Aliases, ", "))
	line(b, "Worth filtering on", code(e.Filters))
	line(b, "Settings", e.Settings)
	for _, g := range e.Groups {
		var names []string
		for _, t := range c.Tokens() {
			if t.Group == g && e.Offers(t) {
				names = append(names, mention(t))
			}
		}
		line(b, g, strings.Join(names, ", "))
	}
}

// mention names a token with its marks.
func mention(t tokens.Token) string {
	name := "`" + t.Name + "`"
	if t.Source == "inferred" {
		name = "*" + name + "*"
	}
	if !t.Webhook {
		name += " ✉"
	}
	return name
}

func line(b *strings.Builder, label, text string) {
	if text != "" {
		fmt.Fprintf(b, "- %s: %s\n", label, text)
	}
}

func code(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// anchor is how a heading is linked to: lower case, no punctuation, dashes for
// spaces.
func anchor(e tokens.EventType) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(e.Name))
}

// groupNames returns the groups in the order of the data.
func groupNames(c *tokens.Catalogue) []string {
	var out []string
	for _, x := range c.Contexts() {
		for _, g := range x.Groups {
			if !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}
