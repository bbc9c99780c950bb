package view

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/resend"
)

const (
	// mostAtOnce bounds what one request sends again: each delivery is asked for
	// by a write of its own, and an answer has to come within a minute.
	mostAtOnce = 10_000
	// lookFor bounds the looking for them.
	lookFor = 40 * time.Second
)

// errMany is returned where one request would send too much.
var errMany = errors.New("more than 10,000 deliveries match: ask for a shorter time or for one subscription; the command line has no such bound")

// errLong is returned where the log is too long for one request.
var errLong = errors.New("the log is too long to be looked through within a request: begin later, or name a subscription")

// Resending says what is sent again, or would be.
type Resending struct {
	// Matching is how many there are; Counts says of what.
	Matching int            `json:"matching"`
	Counts   []resend.Count `json:"counts"`
	// UnderWay match too and are left alone: their ordered subscription still
	// tries them, or the mailer sends them.
	UnderWay int `json:"under_way"`
	// Asked are those that are sent again; Pending waited for that already.
	Asked   int `json:"asked"`
	Pending int `json:"pending"`
}

// Selected says which deliveries are meant, by what became of them last.
type Selected struct {
	// Result is delivered, retrying, parked or skipped.
	Result delivery.Result `json:"result"`
	// Since and Until bound when that was recorded.
	Since        time.Time        `json:"since"`
	Until        time.Time        `json:"until,omitzero"`
	Channel      delivery.Channel `json:"channel,omitempty"`
	Subscription string           `json:"subscription,omitempty"`
	// Target is an endpoint, or SMTP settings.
	Target  string `json:"target,omitempty"`
	Account string `json:"account,omitempty"`
	// Event is a type of events, or the id of one.
	Event  string `json:"event,omitempty"`
	Reason string `json:"reason,omitempty"`
}

const (
	shownResending = `{"matching": 12, "counts": [{"count": 12, "subscription": "invoices", "target": "erp", "result": "parked", "reason": "status_503"}], "under_way": 0, "asked": 12, "pending": 0}`
	shownSelected  = `{"result": "parked", "since": "2026-11-24T18:00:00Z", "target": "erp", "reason": "status_503"}`
)

// counting is the parameter that asks for the count alone.
func counting() api.Param {
	return api.Param{Name: "dry_run", About: "true counts what matches and sends nothing", Kind: api.Flag}
}

func resends(d Deps) []api.Route {
	const path = ofOwner + "/deliveries"
	answer := api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[Resending](), Example: json.RawMessage(shownResending)}
	out := []api.Route{
		{
			Method: http.MethodPost, Path: path + "/resend", ID: "resendDeliveries", Summary: "Send again the deliveries that match, at most 10,000 at once; dry_run counts them first",
			Query:  []api.Param{counting()},
			Body:   &api.Body{Type: reflect.TypeFor[Selected](), Media: []string{api.JSON}, Example: json.RawMessage(shownSelected)},
			Answer: answer, Remembered: true,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return resendMatching(ctx, d, r) },
		},
		{
			Method: http.MethodPost, Path: path + "/{delivery}/resend", ID: "resendDelivery", Summary: "Send a delivery again, whatever became of it",
			Query:  []api.Param{{Name: "since", About: "its attempts are looked for from this moment on; the later, the faster", Kind: api.Moment}},
			Answer: answer, Remembered: true,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return resendOne(ctx, d, r) },
		},
	}
	for i := range out {
		out[i].Tag, out[i].Verb, out[i].On = string(access.Deliveries), access.Control, access.Deliveries
	}
	return out
}

func resendMatching(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	var want Selected
	if err := decode(r, &want); err != nil {
		return nil, err
	}
	q := outcomes.Query{
		Owner: r.Owner, Result: want.Result, Since: want.Since, Until: want.Until, Channel: want.Channel, Subscription: want.Subscription,
		Target: want.Target, Account: want.Account, Event: want.Event, Reason: want.Reason,
	}
	problems := q.Check(d.Now())
	for pointer, lacks := range map[string]bool{"/result": want.Result == "", "/since": want.Since.IsZero()} {
		if lacks {
			problems = append(problems, fault.Problem{Pointer: pointer, Rule: "field.required", Detail: "must be given"})
		}
	}
	if err := problems.Or(); err != nil {
		return nil, err
	}
	found, err := matching(ctx, d, r, q)
	if err != nil {
		return nil, err
	}
	return sendAgain(ctx, r, store.Deed{Owner: r.Owner, Verb: "resend", Resource: access.Deliveries}, found)
}

// matching finds what the caller's key reaches.
func matching(ctx context.Context, d Deps, r *api.Request, q outcomes.Query) (resend.Selection, error) {
	return look(ctx, r, func(ctx context.Context) (resend.Selection, error) { return resend.Matching(ctx, d.JetStream, q) })
}

// look bounds a search.
func look(ctx context.Context, r *api.Request, search func(context.Context) (resend.Selection, error)) (resend.Selection, error) {
	bounded, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	found, err := search(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return found, fault.New(fault.Exhausted, "look for deliveries of", r.Owner, errLong)
	}
	found.Only(func(ch delivery.Channel, target string) bool {
		return access.OwnTarget(&r.Caller.Key, ch, target)
	})
	return found, err
}

func resendOne(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	id := r.Path("delivery")
	found, err := matching(ctx, d, r, outcomes.Query{Owner: r.Owner, Delivery: id, Since: r.Page().Since})
	if err == nil {
		err = found.Alone(id)
	}
	if err != nil {
		return nil, err
	}
	return sendAgain(ctx, r, store.Deed{Owner: r.Owner, Verb: "resend", Resource: access.Deliveries, ID: id}, found)
}

// sendAgain has a selection sent again, or only counted where that was asked for.
func sendAgain(ctx context.Context, r *api.Request, deed store.Deed, found resend.Selection) (*api.Reply, error) {
	out := Resending{Matching: len(found.Items), Counts: found.Counts(), UnderWay: found.UnderWay}
	if r.Flag("dry_run") || out.Matching == 0 {
		return &api.Reply{Body: out}, nil
	}
	if out.Matching > mostAtOnce {
		return nil, fault.New(fault.Exhausted, "send again deliveries of", r.Owner, errMany)
	}
	tally, err := r.Store.Resend(ctx, deed, found, func(resend.Tally) {})
	out.Asked, out.Pending = tally.Asked, tally.Pending
	return &api.Reply{Body: out}, err
}

// replay has a subscription deliver everything again from an event on. One in
// order goes back there by itself; for one without order what it wants is looked
// for, counted, and sent again.
func replay(ctx context.Context, r *api.Request) (*api.Reply, error) {
	at := control.Place{Owner: r.Owner, Subscription: r.Path("subscription")}
	var want Beginning
	if err := decode(r, &want); err != nil {
		return nil, err
	}
	from, err := control.ParseFrom(want.From)
	if err != nil {
		return nil, err
	}
	// One that was deleted may still have a line.
	sub, err := r.Store.Subscription(ctx, at)
	if err == nil && !sub.LastOrder().InOrder() {
		found, err := look(ctx, r, func(ctx context.Context) (resend.Selection, error) { return r.Store.Backfill(ctx, at, from) })
		if err != nil {
			return nil, err
		}
		return sendAgain(ctx, r, store.Deed{Owner: at.Owner, Verb: "replay", Resource: access.Subscriptions, ID: at.Subscription}, found)
	}
	if r.Flag("dry_run") {
		return nil, problem.Parameter("dry_run", "replay.ordered", "a subscription in order goes back by itself: nothing is counted")
	}
	_, err = r.Store.Replay(ctx, at, from)
	return &api.Reply{Status: http.StatusNoContent}, addressed(err)
}
