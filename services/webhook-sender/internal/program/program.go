// Package program turns an event into what a webhook subscription wants said:
// the path behind the endpoint's URL and the body. A program is compiled once
// per version of a subscription; compiling checks its templates again, since a
// template that the checker has not passed could end the process. It refuses
// to know where versions are kept.
package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/payload"
	"github.com/billhook/billhook/tokens"
	"github.com/billhook/billhook/tokens/offer"
)

// errForm says that a template for a JSON value gave something else.
var errForm = errors.New("the template gave no JSON value")

// Program is a compiled version. It may be used by many goroutines.
type Program struct {
	catalogue  *tokens.Catalogue
	form       payload.Form
	path       string           // where it has no tokens
	template   *tokens.Template // else nil
	parameters []parameter      // of the body
	query      []part
	header     []part
	// offer gives the members where there are no parameters.
	offer *offer.Offer
}

// parameter is one compiled parameter: template, token or literal.
type parameter struct {
	name     string
	template *tokens.Template
	token    string
	literal  string
}

// Rendered is what one delivery sends. All of it is frozen from the first
// attempt on.
type Rendered struct {
	// Path is percent-encoded and begins with / where it is not empty.
	Path string
	// Query is percent-encoded pairs.
	Query string
	// Header is lines that the owner adds, in order.
	Header []Line
	// ContentType is the media type of Body.
	ContentType string
	Body        []byte
}

// Line is a header line.
type Line struct{ Name, Value string }

// Compile checks and compiles the webhook of a version. The error is
// [fault.Problems] where a template breaks a rule.
func Compile(c *tokens.Catalogue, spec *subscription.Spec) (*Program, error) {
	p := &Program{catalogue: c, offer: offer.New(c, delivery.Webhook), path: spec.Webhook.Path, form: payload.Plain}
	if spec.Webhook.Format == subscription.CloudEvents {
		p.form = payload.CloudEvent
	}
	use := tokens.Use{Events: spec.Events, Channel: delivery.Webhook, Output: tokens.URLPath}
	if strings.Contains(spec.Webhook.Path, "{{") {
		t, err := c.Parse(spec.Webhook.Path, use)
		if err != nil {
			return nil, fmt.Errorf("compile path: %w", err)
		}
		p.template = t
	}
	for _, q := range spec.Webhook.Parameters {
		use.Output = q.In.Output()
		if err := p.add(q, use); err != nil {
			return nil, fmt.Errorf("compile parameter %q: %w", q.Name, err)
		}
	}
	return p, nil
}

// add compiles one parameter into its place.
func (p *Program) add(q subscription.Parameter, use tokens.Use) error {
	if q.In == subscription.InQuery || q.In == subscription.InHeader {
		return p.addPart(q, use)
	}
	out := parameter{name: q.Name, token: q.Token}
	if q.Literal != nil {
		out.literal = *q.Literal
	}
	if q.Template != "" {
		t, err := p.catalogue.Parse(q.Template, use)
		if err != nil {
			return err
		}
		out.template = t
	}
	p.parameters = append(p.parameters, out)
	return nil
}

// Render renders path and body for an event in a frame. The error is
// [payload.ErrTooLarge], or one of the templates'.
func (p *Program) Render(ev *event.Event, f tokens.Frame) (Rendered, error) {
	out := Rendered{ContentType: p.form.ContentType()}
	var err error
	if p.template == nil && len(p.parameters)+len(p.query)+len(p.header) == 0 {
		out.Path = p.path
		out.Body, err = p.form.Render(ev, p.offer.Members(ev))
		return out, err
	}
	values := p.catalogue.Values(ev, f)
	if out.Path, err = p.renderPath(values); err != nil {
		return Rendered{}, err
	}
	if err = p.renderParts(&out, values); err != nil {
		return Rendered{}, err
	}
	if len(p.parameters) == 0 {
		out.Body, err = p.form.Render(ev, p.offer.Members(ev))
		return out, err
	}
	members, err := p.chosen(values)
	if err != nil {
		return Rendered{}, err
	}
	out.Body, err = p.form.Render(ev, members)
	return out, err
}

func (p *Program) renderPath(v tokens.Values) (string, error) {
	if p.template == nil {
		return p.path, nil
	}
	path, err := p.template.Render(v)
	if err != nil {
		return "", fmt.Errorf("render path: %w", err)
	}
	return path, nil
}

// chosen gives the parameters in their order, their types kept.
func (p *Program) chosen(v tokens.Values) ([]payload.Member, error) {
	members := make([]payload.Member, len(p.parameters))
	for i, q := range p.parameters {
		m := payload.Member{Name: q.name}
		switch {
		case q.template != nil:
			text, err := q.template.Render(v)
			if err != nil {
				return nil, fmt.Errorf("render parameter %q: %w", q.name, err)
			}
			if !json.Valid([]byte(text)) {
				return nil, fmt.Errorf("render parameter %q: %w", q.name, errForm)
			}
			m.JSON = text
		case q.token != "":
			m.Value, _ = p.catalogue.Value(q.token, v)
		default:
			m.Value = event.Str(q.literal)
		}
		members[i] = m
	}
	return members, nil
}
