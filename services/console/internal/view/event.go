package view

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/direct"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Event is an accepted event.
type Event struct {
	// Sequence is its place in the log; deliveries name it.
	Sequence uint64       `json:"sequence"`
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Account  string       `json:"account,omitempty"`
	Time     time.Time    `json:"time"`
	Accepted time.Time    `json:"accepted_at"`
	Data     event.Values `json:"data"`
}

// Publishing is an event as it is published. It documents what ingest takes.
type Publishing struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Time    time.Time      `json:"time"`
	Account string         `json:"account,omitempty"`
	Data    map[string]any `json:"data,omitempty"`
}

// Published is what ingest answers to one event.
type Published struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

const (
	shownEvent = `{"sequence": 42, "id": "inv-43-posted", "type": "invoice.posted", "account": "A-1001", "time": "2026-11-24T09:00:00Z", "accepted_at": "2026-11-24T09:00:01Z", "data": {"Invoice.Number": "INV-2026-0043", "Invoice.Total": "99.00"}}`
	givenEvent = `{"id": "inv-43-posted", "type": "invoice.posted", "time": "2026-11-24T09:00:00Z", "account": "A-1001", "data": {"Invoice.Number": "INV-2026-0043", "Invoice.Total": "99.00", "Invoice.Currency": "EUR"}}`
)

func events(d Deps) []api.Route {
	const path = ofOwner + "/events"
	return []api.Route{
		{
			Method: http.MethodGet, Path: path, ID: "listEvents", Summary: "List accepted events, from since on, or from an hour ago, oldest first", Tag: "events",
			Verb: access.Read, On: access.Events,
			Query: append(span(), api.Param{Name: "type", About: "only of this type"}, api.Param{Name: "account", About: "only of this account"}),
			Answer: api.Answer{
				Status: http.StatusOK, Type: reflect.TypeFor[Event](), List: true, Example: json.RawMessage(`{"items": [` + shownEvent + `]}`),
			},
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return listEvents(ctx, d, r) },
		},
		{
			Method: http.MethodGet, Path: path + "/{sequence}", ID: "getEvent", Summary: "Get an accepted event by its sequence", Tag: "events",
			Verb: access.Read, On: access.Events,
			Answer: api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[Event](), Example: json.RawMessage(shownEvent)},
			Serve:  func(ctx context.Context, r *api.Request) (*api.Reply, error) { return getEvent(ctx, d, r) },
		},
		{
			Method: http.MethodPost, Path: path, ID: "publishEvent", Summary: "Publish an event", Tag: "events",
			Verb: access.Publish, On: access.Events,
			Body:      &api.Body{Type: reflect.TypeFor[Publishing](), Media: []string{api.JSON}, Example: json.RawMessage(givenEvent)},
			Answer:    api.Answer{Status: http.StatusAccepted, Type: reflect.TypeFor[Published](), Example: json.RawMessage(`{"id": "inv-43-posted", "status": "accepted"}`)},
			Elsewhere: &d.Events,
		},
	}
}

func listEvents(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	account, eventType := r.Query("account"), r.Query("type")
	if _, known := d.Catalogue.Event(eventType); eventType != "" && !known {
		return nil, problem.Parameter("type", "event.unknown", "the catalogue has no such event type")
	}
	l := log{
		js: d.JetStream, stream: topology.Events, subject: subject.EventsOfOwner(r.Owner, cmp.Or(eventType, ">")), now: d.Now,
		rows: func(m *cursor.Message) ([]any, error) {
			e, err := decodeEvent(m.Seq, m.Data, m.Time)
			if err != nil || account != "" && e.Account != account {
				return []any{nil}, err
			}
			return []any{e}, nil
		},
	}
	p, err := l.page(ctx, r.Page())
	return &api.Reply{Body: p}, err
}

func decodeEvent(seq uint64, data []byte, stored time.Time) (*Event, error) {
	e, err := event.Decode(data)
	if err != nil {
		return nil, fault.New(fault.Internal, "read event", strconv.FormatUint(seq, 10), err)
	}
	return &Event{Sequence: seq, ID: e.ID, Type: e.Type, Account: e.Account, Time: e.Time, Accepted: stored, Data: e.Data}, nil
}

// getEvent reads the one message that the owner has at a sequence, so that
// another owner's is not there.
func getEvent(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	missing := fault.New(fault.NotFound, "find event", r.Path("sequence"), nil)
	seq, err := strconv.ParseUint(r.Path("sequence"), 10, 64)
	if err != nil || seq == 0 {
		return nil, missing
	}
	var found *Event
	var broken error
	_, err = direct.Read(ctx, d.JetStream, direct.Span{
		Stream: topology.Events, Subject: subject.EventsOfOwner(r.Owner, ">"), First: seq, Batch: 1,
	}, func(m *direct.Message) {
		if m.Seq == seq {
			found, broken = decodeEvent(m.Seq, m.Data, m.Time)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case broken != nil:
		return nil, broken
	case found == nil:
		return nil, missing
	}
	return &api.Reply{Body: found}, nil
}
