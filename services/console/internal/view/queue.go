package view

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/services/console/internal/api"
)

// The types below document what the service queue takes and answers.

// QueuePull asks a queue for events.
type QueuePull struct {
	Max  int    `json:"max,omitempty" minimum:"1" maximum:"100"`
	Wait string `json:"wait,omitempty"`
}

// QueuePulled is what was handed out.
type QueuePulled struct {
	Messages []QueueMessage `json:"messages"`
}

// QueueMessage is an event that was handed out.
type QueueMessage struct {
	Receipt    string     `json:"receipt"`
	Sequence   uint64     `json:"sequence"`
	Deliveries int        `json:"deliveries"`
	Event      QueueEvent `json:"event"`
}

// QueueEvent is an event as webhooks without parameters have it.
type QueueEvent struct {
	Type      string         `json:"type"`
	Timestamp time.Time      `json:"timestamp"`
	ID        string         `json:"id"`
	Owner     string         `json:"owner"`
	Account   *string        `json:"account"`
	Data      map[string]any `json:"data"`
}

// QueueAck names what is acknowledged.
type QueueAck struct {
	Receipts []string `json:"receipts" minItems:"1" maxItems:"1000"`
}

// QueueRelease names what is given back.
type QueueRelease struct {
	Receipts []string `json:"receipts" minItems:"1" maxItems:"1000"`
	Delay    string   `json:"delay,omitempty"`
}

// QueueExtend names what is kept for longer.
type QueueExtend struct {
	Receipts []string `json:"receipts" minItems:"1" maxItems:"1000"`
	By       string   `json:"by"`
}

// QueueSettled says what became of each receipt.
type QueueSettled struct {
	Results []QueueResult `json:"results"`
}

// QueueResult is what became of one.
type QueueResult struct {
	Receipt string `json:"receipt"`
	Status  string `json:"status" enum:"acknowledged,released,extended,expired,unknown"`
}

// QueueStatus is how far a queue has been read.
type QueueStatus struct {
	Position  uint64    `json:"position"`
	Waiting   uint64    `json:"waiting"`
	HandedOut int       `json:"handed_out"`
	Returned  int       `json:"returned"`
	OldestAt  time.Time `json:"oldest_at,omitzero"`
	Gap       *QueueGap `json:"gap,omitempty"`
}

// QueueGap is what retention removed before it was read.
type QueueGap struct {
	After   uint64    `json:"after"`
	First   uint64    `json:"first"`
	Noticed time.Time `json:"noticed_at"`
}

const (
	shownReceipt = `"q83vEgAAAAAAAAAqjF8w0hTqLwk"`
	pulledEvents = `{"messages": [{"receipt": ` + shownReceipt + `, "sequence": 42, "deliveries": 1, "event": {"type": "invoice.posted", "timestamp": "2026-11-24T09:00:00Z", "id": "inv-43-posted", "owner": "acme", "account": "A-1001", "data": {"Invoice.Number": "INV-2026-0043", "Invoice.Total": "99.00"}}}]}`
	queueState   = `{"position": 42, "waiting": 7, "handed_out": 1, "returned": 0, "oldest_at": "2026-11-24T09:00:01Z"}`
)

// queues are what the service queue answers.
func queues(d Deps) []api.Route {
	const path = ofOwner + "/queues/{queue}"
	receipts := func(more string) json.RawMessage {
		return json.RawMessage(`{"receipts": [` + shownReceipt + `]` + more + `}`)
	}
	settles := func(id, summary string, body api.Body, status string) api.Route {
		body.Media = []string{api.JSON}
		return api.Route{
			Method: http.MethodPost, Path: path + "/" + id, ID: id + "QueueEvents", Summary: summary, Tag: "queues",
			Verb: access.Take, On: access.Queues, Body: &body, Elsewhere: &d.Queues,
			Answer: api.Answer{
				Status: http.StatusOK, Type: reflect.TypeFor[QueueSettled](),
				Example: json.RawMessage(`{"results": [{"receipt": ` + shownReceipt + `, "status": "` + status + `"}]}`),
			},
		}
	}
	return []api.Route{
		{
			Method: http.MethodPost, Path: path + "/pull", ID: "pullQueueEvents", Tag: "queues",
			Summary: "Be handed events of a queue, which then are nobody else's for its visibility; wait for some where there are none",
			Verb:    access.Take, On: access.Queues, Elsewhere: &d.Queues,
			Body:   &api.Body{Type: reflect.TypeFor[QueuePull](), Media: []string{api.JSON}, Optional: true, Example: json.RawMessage(`{"max": 10, "wait": "20s"}`)},
			Answer: api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[QueuePulled](), Example: json.RawMessage(pulledEvents)},
		},
		settles("ack", "Acknowledge events, which then are done with",
			api.Body{Type: reflect.TypeFor[QueueAck](), Example: receipts("")}, "acknowledged"),
		settles("release", "Give events back, to be handed out again at once or later",
			api.Body{Type: reflect.TypeFor[QueueRelease](), Example: receipts(`, "delay": "1m"`)}, "released"),
		settles("extend", "Keep events for longer before they are handed out again",
			api.Body{Type: reflect.TypeFor[QueueExtend](), Example: receipts(`, "by": "5m"`)}, "extended"),
		{
			Method: http.MethodGet, Path: path + "/status", ID: "getQueueStatus", Summary: "Get how far a queue has been read", Tag: "queues",
			Verb: access.Read, On: access.Queues, Elsewhere: &d.Queues,
			Answer: api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[QueueStatus](), Example: json.RawMessage(queueState)},
		},
	}
}
