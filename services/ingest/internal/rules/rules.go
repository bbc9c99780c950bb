// Package rules judges types and data by the catalogue. What it takes is
// exactly what the JSON Schema that the catalogue generates takes, plus one
// rule that a schema cannot say: a time zone must exist. It is code and not a
// schema interpreter because it stands in the way of every event; a test holds
// both to the same verdicts.
package rules

import (
	"fmt"
	"slices"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// The rules, as they appear in problems.
const (
	RuleType        = "type.unknown"
	RuleToken       = "token.unknown"
	RuleUnavailable = "token.unavailable"
	RuleFilled      = "token.filled"
	RuleKind        = "value.kind"
	RuleForm        = "value.form"
	RuleRange       = "value.range"
	RuleLength      = "value.length"
)

// platform is the publisher, in the catalogue, whose events come from outside.
const platform = "platform"

// accountGroup is the group of tokens whose presence means that an event
// concerns an account; companyGroup belongs to it.
const (
	accountGroup = "Account"
	companyGroup = "Account Company"
)

// Rules are the rules of one catalogue. They do not change and may be shared.
type Rules struct {
	catalogue *tokens.Catalogue
	types     map[string]typeRules
	zones     *zones
}

// typeRules are the rules of one event type.
type typeRules struct {
	known admission.Type
	data  map[string]tokens.Type
}

// New returns the rules of a catalogue.
func New(c *tokens.Catalogue) *Rules {
	r := &Rules{catalogue: c, types: map[string]typeRules{}, zones: newZones()}
	supply := supplied()
	for _, e := range c.Events() {
		t := typeRules{data: map[string]tokens.Type{}}
		t.known.Reserved = !slices.Contains(e.FiredBy, platform)
		t.known.AccountRequired = slices.Contains(e.Groups, accountGroup)
		for _, token := range c.Carried(e.Type) {
			t.data[token.Name] = token.Type
			if (token.Group == accountGroup || token.Group == companyGroup) && supply[token.Name] {
				t.known.Completed = append(t.known.Completed, token.Name)
			}
		}
		if _, moves := t.data[previousStatus]; moves {
			t.known.Completed = slices.DeleteFunc(t.known.Completed, func(name string) bool { return name == currentStatus })
		}
		r.types[e.Type] = t
	}
	return r
}

// Type returns what is known of an event type, or the problem that there is no
// such type, with the nearest ones.
func (r *Rules) Type(name string) (admission.Type, fault.Problems) {
	if t, ok := r.types[name]; ok {
		return t.known, nil
	}
	known := make([]string, 0, len(r.types))
	for _, e := range r.catalogue.Events() {
		known = append(known, e.Type)
	}
	return admission.Type{}, fault.Problems{{Rule: RuleType, Detail: "there is no such event type" + nearest(name, known)}}
}

// Check returns what is wrong with the data of an event of a known type, in
// the order of the tokens' names.
func (r *Rules) Check(eventType string, data event.Values) fault.Problems {
	t := r.types[eventType]
	var problems fault.Problems
	for name, v := range data {
		var rule, detail string
		if form, known := t.data[name]; known {
			rule, detail = r.value(form, v)
		} else {
			rule, detail = r.stranger(eventType, name)
		}
		if rule != "" {
			problems = append(problems, fault.Problem{Pointer: fault.Pointer(name), Rule: rule, Detail: detail})
		}
	}
	slices.SortFunc(problems, func(a, b fault.Problem) int {
		if a.Pointer < b.Pointer {
			return -1
		}
		return 1
	})
	return problems
}

// stranger says why a token does not belong into the data of a type.
func (r *Rules) stranger(eventType, name string) (rule, detail string) {
	token, exists := r.catalogue.Token(name)
	switch {
	case exists && !token.Carried():
		return RuleFilled, "the token is filled in by Billhook and does not belong into data"
	case exists:
		return RuleUnavailable, fmt.Sprintf("events of type %s have no such token", eventType)
	}
	var legal []string
	for known := range r.types[eventType].data {
		legal = append(legal, known)
	}
	slices.Sort(legal)
	return RuleToken, "there is no such token" + nearest(name, legal)
}
