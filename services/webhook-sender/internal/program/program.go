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
	"slices"
	"strings"
	"sync"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/webhook-sender/internal/payload"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

// errForm says that a template for a JSON value gave something else.
var errForm = errors.New("the template gave no JSON value")

// Program is a compiled version. It may be used by many goroutines.
type Program struct {
	catalogue  *tokens.Catalogue
	path       string           // where it has no tokens
	template   *tokens.Template // else nil
	parameters []parameter
	// open are the names of tokens open to webhooks, by event type; used
	// where there are no parameters.
	open sync.Map
}

// parameter is one compiled parameter: template, token or literal.
type parameter struct {
	name     string
	template *tokens.Template
	token    string
	literal  string
}

// Rendered is what one delivery sends. Both parts are frozen from the first
// failed attempt on.
type Rendered struct {
	// Path is percent-encoded and begins with / where it is not empty.
	Path string
	Body []byte
}

// Compile checks and compiles the webhook of a version. The error is
// [fault.Problems] where a template breaks a rule.
func Compile(c *tokens.Catalogue, spec *subscription.Spec) (*Program, error) {
	p := &Program{catalogue: c, path: spec.Webhook.Path}
	use := tokens.Use{Events: spec.Events, Channel: delivery.Webhook, Output: tokens.URLPath}
	if strings.Contains(spec.Webhook.Path, "{{") {
		t, err := c.Parse(spec.Webhook.Path, use)
		if err != nil {
			return nil, fmt.Errorf("compile path: %w", err)
		}
		p.template = t
	}
	use.Output = tokens.JSONValue
	for _, q := range spec.Webhook.Parameters {
		out := parameter{name: q.Name, token: q.Token}
		if q.Literal != nil {
			out.literal = *q.Literal
		}
		if q.Template != "" {
			t, err := c.Parse(q.Template, use)
			if err != nil {
				return nil, fmt.Errorf("compile parameter %q: %w", q.Name, err)
			}
			out.template = t
		}
		p.parameters = append(p.parameters, out)
	}
	return p, nil
}

// Render renders path and body for an event in a frame. The error is
// [payload.ErrTooLarge], or one of the templates'.
func (p *Program) Render(ev *event.Event, f tokens.Frame) (Rendered, error) {
	var out Rendered
	var err error
	if p.template == nil && len(p.parameters) == 0 {
		out.Path = p.path
		out.Body, err = payload.Render(ev, p.all(ev))
		return out, err
	}
	values := p.catalogue.Values(ev, f)
	if out.Path, err = p.renderPath(values); err != nil {
		return Rendered{}, err
	}
	members := p.all(ev)
	if len(p.parameters) > 0 {
		if members, err = p.chosen(values); err != nil {
			return Rendered{}, err
		}
	}
	out.Body, err = payload.Render(ev, members)
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

// all gives every value of the event that webhooks may use, by token name.
func (p *Program) all(ev *event.Event) []payload.Member {
	if len(p.parameters) > 0 {
		return nil
	}
	open := p.openTokens(ev.Type)
	members := make([]payload.Member, 0, len(ev.Data))
	for name, value := range ev.Data {
		if open[name] {
			members = append(members, payload.Member{Name: name, Value: value})
		}
	}
	slices.SortFunc(members, func(a, b payload.Member) int { return strings.Compare(a.Name, b.Name) })
	return members
}

func (p *Program) openTokens(eventType string) map[string]bool {
	if known, ok := p.open.Load(eventType); ok {
		if set, ok := known.(map[string]bool); ok {
			return set
		}
	}
	set := map[string]bool{}
	for _, t := range p.catalogue.Available(eventType, delivery.Webhook) {
		set[t.Name] = true
	}
	p.open.Store(eventType, set)
	return set
}
