package contract

import (
	"errors"
	"time"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/services/ingest/internal/inbox"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// logged is an accepted event as EVENTS holds it.
func logged(e tokens.EventType, example *event.Event) object {
	return object{
		"name": e.Type, "title": e.Name + ", as it is logged", "contentType": envelope.JSON,
		"payload": open(object{
			"id": component("schemas", "id"), "type": object{"const": e.Type}, "owner": typed("string", "whose event it is"),
			"account": component("schemas", "account"), "time": component("schemas", "time"),
			"data": component("schemas", dataOf(e)),
		}, "id", "type", "owner", "time", "data"),
		"examples": []any{object{"name": "logged", "payload": example}},
	}
}

// acknowledged is the server's answer to a message for INBOX.
func acknowledged() object {
	return object{
		"name": acknowledgement, "title": "Acknowledgement", "contentType": envelope.JSON,
		"payload": open(object{
			"stream":    typed("string", "where the message is stored"),
			"seq":       typed("integer", "as which number; 0 where it is not stored"),
			"domain":    typed("string", "of JetStream, where the server has one"),
			"duplicate": typed("boolean", "a message with the same Nats-Msg-Id was stored within the last 100 ms, and this one was not"),
			"error": open(object{
				"code": typed("integer", "a class, as in HTTP"), "err_code": typed("integer", "the server's own"),
				"description": typed("string", "for people"),
			}, "code"),
		}, "stream"),
		"examples": []any{
			object{"name": "stored", "payload": object{"stream": topology.Inbox, "seq": 42}},
			object{"name": "full", "payload": object{"stream": topology.Inbox, "seq": 0, "error": object{
				"code": 503, "err_code": 10077, "description": "maximum bytes exceeded",
			}}},
		},
	}
}

// refused is a record of REJECTED.
func refused(reasons []string, example inbox.Record) object {
	return object{
		"name": rejected, "title": "Rejected event", "contentType": envelope.JSON,
		"payload": open(object{
			"reason": object{"enum": reasons},
			"problems": list(open(object{
				"pointer": typed("string", "JSON pointer to what is wrong; that of a header begins with its name"),
				"rule":    typed("string", "a stable code, such as "+rules.RuleUnavailable),
				"detail":  typed("string", "what is wrong and what is legal, in one sentence"),
			}, "pointer", "rule", "detail")),
			"subject":        typed("string", "where the message lay in INBOX"),
			"received":       object{"type": "string", "format": "date-time"},
			"sequence":       typed("integer", "its number there"),
			"headers":        object{"type": "object", "additionalProperties": object{"type": "string"}, "description": "those that belong to an event"},
			"payload":        typed("string", "the body where it is text, at most 256 KiB of it"),
			"payload_base64": typed("string", "the body where it is none"),
			"payload_bytes":  typed("integer", "how long all of it was"),
		}, "reason", "problems", "subject", "received", "sequence", "payload_bytes"),
		"examples": []any{object{"name": rejected, "payload": example}},
	}
}

// The example of a refusal: an event with a token that there is not.
const (
	brokenType    = "invoice.posted"
	brokenSubject = "inbox.3.platform.acme.invoice.posted"
	brokenBody    = `{"id":"inv-42-posted","time":"2026-11-23T14:05:00Z","account":"A-1001","data":{"Invoice.Totl":"12.50"}}`
)

// refusal is what REJECTED holds of the example.
func refusal(r *rules.Rules) (inbox.Record, error) {
	received := time.Date(2026, time.November, 23, 14, 5, 1, 0, time.UTC)
	_, why := admission.New(r, nil).Check(admission.Message{
		Input: envelope.Input{Body: []byte(brokenBody), Type: brokenType}, At: received,
	})
	if why == nil {
		return inbox.Record{}, fault.New(fault.Internal, "write contract", rejected, errTaken)
	}
	return inbox.Record{
		Reason: why.Reason, Problems: why.Problems, Subject: brokenSubject,
		Received: received, Sequence: 42, Payload: brokenBody, Bytes: len(brokenBody),
	}, nil
}

// errTaken says that the example of what is refused is not.
var errTaken = errors.New("the broken example is taken")
