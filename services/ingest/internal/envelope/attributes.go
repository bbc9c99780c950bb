package envelope

import (
	"regexp"
	"time"

	"github.com/billhook/billhook/services/ingest/internal/strictjson"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
)

// attributes is what every form of a message comes down to.
type attributes struct {
	id, typ, account, time text
	data                   strictjson.Node
}

// text is one attribute and where it stands in the message.
type text struct {
	at    string
	value string
	given bool
	// bad says that a problem was reported already.
	bad bool
}

// set takes the attribute from a JSON value; null is the same as left out.
func (t *text) set(v strictjson.Node, r *report) {
	switch v.Kind {
	case strictjson.Null:
	case strictjson.String:
		t.value, t.given = v.Text, true
	default:
		t.bad = true
		r.at(t.at, RuleKind, "must be a string, but is "+v.Kind.String())
	}
}

// required reports the attribute when it is missing, and whether there is a
// value to look at.
func (t *text) required(r *report) bool {
	if !t.given && !t.bad {
		r.at(t.at, RuleMissing, "the member is missing")
	}
	return t.given
}

func (a attributes) candidate(in Input, r *report) Candidate {
	return Candidate{
		ID: a.readID(r), Type: a.readType(in.Type, r), Account: a.readAccount(r),
		Time: a.readTime(in.Latest, r), Data: a.readData(r),
	}
}

func (a *attributes) readID(r *report) string {
	if a.id.required(r) && !id.Valid(a.id.value) {
		r.at(a.id.at, RuleID, "an id is "+id.Rule)
		return ""
	}
	return a.id.value
}

func (a *attributes) readAccount(r *report) string {
	if a.account.given && !id.Valid(a.account.value) {
		r.at(a.account.at, RuleID, "an account is "+id.Rule)
		return ""
	}
	return a.account.value
}

// readType returns the type that the subject names, which the message may
// repeat, or else the type that the message names.
func (a *attributes) readType(subject string, r *report) string {
	if subject == "" {
		a.typ.required(r)
		return a.typ.value
	}
	if a.typ.given && a.typ.value != subject {
		r.at(a.typ.at, RuleType, "the type is not that of the subject, "+subject)
	}
	return subject
}

// TimePattern is the syntax of RFC 3339 with at most nanoseconds. Package time
// reads more than that, such as a comma or an hour of one digit.
const TimePattern = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`

var shape = regexp.MustCompile(TimePattern)

// readTime reads an RFC 3339 time with its zone.
func (a *attributes) readTime(latest time.Time, r *report) time.Time {
	if !a.time.required(r) {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, a.time.value)
	if err != nil || !shape.MatchString(a.time.value) {
		r.at(a.time.at, RuleTime, "a time is RFC 3339 with its zone, such as 2026-11-23T14:05:00Z")
		return time.Time{}
	}
	t = t.UTC()
	switch {
	case t.Unix() < 0:
		r.at(a.time.at, RuleTimeRange, "the time lies before 1970")
	case t.After(latest):
		r.at(a.time.at, RuleTimeRange, "the time lies more than a day ahead")
	}
	return t
}

// readData reads the flat object of token values.
func (a *attributes) readData(r *report) event.Values {
	switch a.data.Kind {
	case strictjson.Null:
		return event.Values{}
	case strictjson.Object:
	default:
		r.at("/data", RuleKind, "must be an object, but is "+a.data.Kind.String())
		return nil
	}
	values := make(event.Values, len(a.data.Members))
	for _, m := range a.data.Members {
		switch m.Value.Kind {
		case strictjson.Null:
		case strictjson.String:
			values[m.Name] = event.Str(m.Value.Text)
		case strictjson.Number:
			values[m.Name] = event.Num(m.Value.Text)
		case strictjson.Bool:
			values[m.Name] = event.Boolean(m.Value.Text == "true")
		default:
			r.at(fault.Pointer("data", m.Name), RuleKind, "data is flat: a value is a string, a number or a boolean, but this is "+m.Value.Kind.String())
		}
	}
	return values
}
