package program

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/tokens"
)

// part is a compiled parameter of the query or of a header: a template, or a
// text that is written as it is.
type part struct {
	name     string // as it is written
	template *tokens.Template
	text     string
}

// addPart compiles a parameter that stands outside the body. A token there is
// the template of its name, so that the place's own encoder writes its value.
func (p *Program) addPart(q subscription.Parameter, use tokens.Use) error {
	out := part{name: q.Name}
	if q.In == subscription.InQuery {
		out.name = encode(q.Name)
	}
	source := q.Template
	switch {
	case q.Literal != nil && q.In == subscription.InQuery:
		out.text = encode(*q.Literal)
	case q.Literal != nil:
		out.text = *q.Literal
	case q.Token != "":
		source = "{{[" + q.Token + "]}}"
	}
	if source != "" {
		t, err := p.catalogue.Parse(source, use)
		if err != nil {
			return err
		}
		out.template = t
	}
	if q.In == subscription.InQuery {
		p.query = append(p.query, out)
	} else {
		p.header = append(p.header, out)
	}
	return nil
}

// encode percent-encodes a text for a query; a plus would be read as a space by
// some and as a plus by others.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// renderParts renders query and header.
func (p *Program) renderParts(out *Rendered, v tokens.Values) error {
	var pairs []string
	for _, q := range p.query {
		text, err := q.render(v)
		if err != nil {
			return err
		}
		pairs = append(pairs, q.name+"="+text)
	}
	out.Query = strings.Join(pairs, "&")
	for _, q := range p.header {
		text, err := q.render(v)
		if err != nil {
			return err
		}
		// White space at the ends is no part of a header's value.
		out.Header = append(out.Header, Line{q.name, strings.TrimSpace(text)})
	}
	return nil
}

func (q *part) render(v tokens.Values) (string, error) {
	if q.template == nil {
		return q.text, nil
	}
	text, err := q.template.Render(v)
	if err != nil {
		return "", fmt.Errorf("render parameter %q: %w", q.name, err)
	}
	return text, nil
}
