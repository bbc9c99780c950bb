package view

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/parked"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Attempts are all attempts of one delivery, oldest first.
type Attempts struct {
	Items []delivery.Outcome `json:"items"`
}

// Letter is a delivery that was given up.
type Letter struct {
	Delivery delivery.Reference `json:"delivery"`
	Channel  delivery.Channel   `json:"channel"`
	Target   string             `json:"target,omitempty"`
	Attempt  int                `json:"attempt"`
	Reason   string             `json:"reason"`
	ParkedAt time.Time          `json:"parked_at"`
	// Kept says whether what would be sent is kept, byte for byte.
	Kept bool `json:"kept"`
}

const (
	shownReference = `{"id": "dlv_abcdefghijklmnopqrstuvwxyz", "owner": "acme", "subscription": "invoices", "revision": 1, "event_seq": 42, "event_id": "inv-43-posted", "event_type": "invoice.posted", "account": "A-1001"}`
	shownOutcome   = `{"attempt_id": "att_1", "attempt": 1, "delivery": ` + shownReference + `, "channel": "webhook", "result": "delivered", "target": "erp", "at": "2026-11-24T09:00:02Z", "duration_ns": 12000000, "status": 200}`
	shownLetter    = `{"delivery": ` + shownReference + `, "channel": "webhook", "target": "erp", "attempt": 8, "reason": "status_503", "parked_at": "2026-11-25T09:00:02Z", "kept": true}`
)

func channelParam() api.Param {
	return api.Param{Name: "channel", About: "only of this channel", Enum: []string{string(delivery.Webhook), string(delivery.Email)}}
}

// ofDelivery are the filters of what happened to deliveries.
func ofDelivery() []api.Param {
	return append(span(), channelParam(),
		api.Param{Name: "subscription", About: "only of this subscription", Kind: api.ID},
		api.Param{Name: "target", About: "only to this endpoint, or by these SMTP settings"},
		api.Param{Name: "account", About: "only of this account"},
		api.Param{Name: "reason", About: "only with this reason, such as timeout or status_503"})
}

func deliveries(d Deps) []api.Route {
	const path = ofOwner + "/deliveries"
	results := api.Param{Name: "result", About: "only with this result", Enum: []string{
		string(delivery.Delivered), string(delivery.Retrying), string(delivery.Parked), string(delivery.Skipped),
	}}
	return []api.Route{
		{
			Method: http.MethodGet, Path: path, ID: "listDeliveries", Summary: "List attempts to deliver, from since on, or from an hour ago, oldest first", Tag: "deliveries",
			Verb: access.Read, On: access.Deliveries,
			Query: append(ofDelivery(), results, api.Param{Name: "event", About: "only of this event type, or of the event of this id"}),
			Answer: api.Answer{
				Status: http.StatusOK, Type: reflect.TypeFor[delivery.Outcome](), List: true, Example: json.RawMessage(`{"items": [` + shownOutcome + `]}`),
			},
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return listDeliveries(ctx, d, r) },
		},
		{
			Method: http.MethodGet, Path: path + "/{delivery}", ID: "getDelivery", Summary: "Get every attempt of a delivery", Tag: "deliveries",
			Verb: access.Read, On: access.Deliveries,
			Query:  []api.Param{{Name: "since", About: "from this moment on; the later, the faster", Kind: api.Moment}},
			Answer: api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[Attempts](), Example: json.RawMessage(`{"items": [` + shownOutcome + `]}`)},
			Serve:  func(ctx context.Context, r *api.Request) (*api.Reply, error) { return getDelivery(ctx, d, r) },
		},
	}
}

func listDeliveries(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	q := outcomes.Query{
		Owner: r.Owner, Target: r.Query("target"), Event: r.Query("event"), Account: r.Query("account"), Reason: r.Query("reason"),
		Result: delivery.Result(r.Query("result")),
	}
	of := r.Query("subscription")
	l := log{
		js: d.JetStream, stream: topology.Outcomes, now: d.Now,
		subject: subject.OutcomesOfOwner(delivery.Channel(r.Query("channel")), r.Owner),
		rows: func(m *cursor.Message) ([]any, error) {
			entries, err := outcomes.Decode(m)
			rows := make([]any, len(entries))
			for i := range entries {
				o := &entries[i].Outcome
				if q.Asks(&entries[i]) && (of == "" || of == o.Delivery.Subscription) && access.OwnTarget(&r.Caller.Key, o.Channel, o.Target) {
					rows[i] = o
				}
			}
			return rows, err
		},
	}
	p, err := l.page(ctx, r.Page())
	return &api.Reply{Body: p}, err
}

func getDelivery(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	entries, err := outcomes.Attempts(ctx, d.JetStream, outcomes.Query{
		Owner: r.Owner, Delivery: r.Path("delivery"), Since: r.Page().Since,
	})
	if err != nil {
		return nil, err
	}
	out := Attempts{Items: []delivery.Outcome{}}
	for i := range entries {
		if access.OwnTarget(&r.Caller.Key, entries[i].Channel, entries[i].Target) {
			out.Items = append(out.Items, entries[i].Outcome)
		}
	}
	if len(out.Items) == 0 {
		return nil, fault.New(fault.NotFound, "find delivery", r.Path("delivery"), nil)
	}
	return &api.Reply{Body: out}, nil
}

func parkedLetters(d Deps) []api.Route {
	return []api.Route{{
		Method: http.MethodGet, Path: ofOwner + "/parked", ID: "listParked", Summary: "List deliveries that were given up, from since on, or from an hour ago, oldest first",
		Tag: "parked", Verb: access.Read, On: access.Parked, Query: ofDelivery(),
		Answer: api.Answer{
			Status: http.StatusOK, Type: reflect.TypeFor[Letter](), List: true, Example: json.RawMessage(`{"items": [` + shownLetter + `]}`),
		},
		Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return listParked(ctx, d, r) },
	}}
}

func listParked(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	asked := func(name, is string) bool { return r.Query(name) == "" || r.Query(name) == is }
	l := log{
		js: d.JetStream, stream: topology.Parked, now: d.Now,
		subject: subject.ParkedOf(delivery.Channel(r.Query("channel")), r.Owner, r.Query("subscription")),
		rows: func(m *cursor.Message) ([]any, error) {
			l, err := parked.Decode(m)
			if err != nil {
				return nil, err
			}
			if !asked("target", l.Target) || !asked("account", l.Delivery.Account) || !asked("reason", l.Reason) || !access.OwnTarget(&r.Caller.Key, l.Channel, l.Target) {
				return []any{nil}, nil
			}
			return []any{Letter{
				Delivery: l.Delivery, Channel: l.Channel, Target: l.Target, Attempt: l.Attempt, Reason: l.Reason,
				ParkedAt: l.Stored, Kept: l.Frozen,
			}}, nil
		},
	}
	p, err := l.page(ctx, r.Page())
	return &api.Reply{Body: p}, err
}
