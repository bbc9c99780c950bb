// Package envelope reads one foreign message as a candidate event, whatever of
// the accepted forms it has: plain JSON, CloudEvents 1.0 structured, or
// CloudEvents 1.0 binary. It knows what a well-formed event is and refuses to
// know more: which types and tokens exist, and who the owner is, is decided by
// its callers.
package envelope

import (
	"strings"
	"time"

	"github.com/billhook/billhook/services/ingest/internal/strictjson"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// Media types of the accepted forms.
const (
	JSON             = "application/json"
	NDJSON           = "application/x-ndjson"
	CloudEvent       = "application/cloudevents+json"
	CloudEventsBatch = "application/cloudevents-batch+json"
)

// Input is a message as it arrived.
type Input struct {
	// Body is the whole message without its headers.
	Body []byte
	// Header holds the headers; names are read without regard to case.
	Header map[string][]string
	// Type is the event type that the message's subject names; empty where
	// the message itself must name it.
	Type string
	// Latest is the latest moment an event may be of.
	Latest time.Time
}

// Candidate is an event that is well formed, but not yet accepted: its type and
// tokens may not exist.
type Candidate struct {
	ID      string
	Type    string
	Account string
	// Time is in UTC.
	Time time.Time
	// Data holds no absent values: null means that a token is left out.
	Data event.Values
}

// Parse reads a message. The candidate holds what could be read even where
// there are problems, so that a refusal can name the event.
func Parse(in Input) (Candidate, fault.Problems) {
	if len(in.Body) > event.MaxBytes {
		return Candidate{}, fault.Problems{{
			Rule: RuleSize, Detail: "the message is longer than 256 KiB (262144 bytes)",
		}}
	}
	h, problems := readHeaders(in.Header)
	if problems != nil {
		return Candidate{}, problems
	}
	switch {
	case h.media == CloudEvent:
		return parseDocument(in, structured)
	case len(h.attributes) > 0:
		return binary(in, h)
	case h.media != "" && h.media != JSON:
		return Candidate{}, fault.Problems{{
			Pointer: "/content-type", Rule: RuleContentType,
			Detail: "the content type is not one of " + JSON + " and " + CloudEvent,
		}}
	default:
		return parseDocument(in, plain)
	}
}

// parseDocument reads a message that is one JSON object.
func parseDocument(in Input, form func(strictjson.Node, *report) attributes) (Candidate, fault.Problems) {
	n, problems := strictjson.Parse(in.Body)
	if problems != nil {
		return Candidate{}, problems
	}
	if n.Kind != strictjson.Object {
		return Candidate{}, fault.Problems{{Rule: RuleKind, Detail: "an event is an object; this is " + n.Kind.String()}}
	}
	var r report
	if _, cloud := n.Member("specversion"); cloud {
		form = structured
	}
	c := form(n, &r).candidate(in, &r)
	return c, r.problems
}

// plain reads {id, type, time, account, data}.
func plain(n strictjson.Node, r *report) attributes {
	a := attributes{id: text{at: "/id"}, typ: text{at: "/type"}, account: text{at: "/account"}, time: text{at: "/time"}}
	for _, m := range n.Members {
		switch m.Name {
		case "id":
			a.id.set(m.Value, r)
		case "type":
			a.typ.set(m.Value, r)
		case "account":
			a.account.set(m.Value, r)
		case "time":
			a.time.set(m.Value, r)
		case "data":
			a.data = m.Value
		case "owner":
			r.add(m.Name, RuleMember, "the owner is taken from the credential and is no member of an event")
		default:
			r.unknown(m.Name, plainMembers)
		}
	}
	return a
}

const plainMembers = "id, type, time, account, data"

// unknown reports a member that is none of the legal ones, and whether only
// its case is wrong.
func (r *report) unknown(name, legal string) {
	for _, l := range strings.Split(legal, ", ") {
		if strings.EqualFold(name, l) {
			r.add(name, RuleCase, "the member is written "+l)
			return
		}
	}
	r.add(name, RuleMember, "there is no such member; legal are "+legal)
}
