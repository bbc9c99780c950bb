// Package trial tries an endpoint out: an example event goes the way of every
// webhook, by a connection of its own, and what was sent, what came back and how
// long each part took is told. It refuses to record anything: a trial is no
// delivery.
package trial

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/tokens"
)

// Why nothing is sent, beside the reasons of a missing target. No outcome has these.
const (
	// Malformed: the question names no identifiers.
	Malformed = probe.Malformed
	// TypeUnknown: the catalogue has no such event.
	TypeUnknown = "event_type_unknown"
	// Stopped: the sender stopped meanwhile.
	Stopped = "sender_stopped"
)

// Settings are the parts that trials are made with.
type Settings struct {
	// Attempts are those of deliveries; the client is replaced.
	Attempts attempt.Settings
	// Post is what a client is made from for each trial, so that the way to the
	// receiver is gone anew.
	Post      post.Settings
	Catalogue *tokens.Catalogue
}

// Trials tries endpoints. It may be used by many goroutines.
type Trials struct{ settings Settings }

// New returns trials.
func New(s Settings) *Trials { return &Trials{s} }

// Try sends the example event that a question asks for.
func (t *Trials) Try(ctx context.Context, q probe.Question) probe.Report {
	for _, text := range []string{q.Owner, q.Endpoint} {
		if !id.Valid(text) {
			return refuse(Malformed, fmt.Sprintf("%q is no identifier", text))
		}
	}
	ev := t.settings.Catalogue.Example(q.EventType)
	if ev == nil {
		return refuse(TypeUnknown, "the catalogue has no event "+q.EventType)
	}
	ev.Owner = q.Owner
	to, refusal := t.settings.Attempts.Targets.Trial(target.Trial(q))
	if refusal != nil {
		detail := ""
		if refusal.Err != nil {
			detail = refusal.Err.Error()
		}
		r := refuse(refusal.Reason, detail)
		// Whoever asks may have heard of it before us.
		r.Refused.Passing = refusal.Reason == target.EndpointUnknown || refusal.Reason == target.Unknown
		return r
	}
	return t.send(ctx, to, sending{q, ev})
}

func refuse(reason, detail string) probe.Report {
	return probe.Refuse(probe.Refusal{Reason: reason, Detail: detail})
}

func stopped(detail string) probe.Report {
	return probe.Refuse(probe.Refusal{Reason: Stopped, Detail: detail, Passing: true})
}

// sending is what is sent.
type sending struct {
	probe.Question
	event *event.Event
}

func (t *Trials) send(ctx context.Context, to *target.Target, s sending) probe.Report {
	client := post.New(t.settings.Post)
	defer client.Close()
	parts := t.settings.Attempts
	parts.Client = client
	w := &settle.Work{Delivery: delivery.Reference{
		ID: probe.Key(parts.Rand), Owner: s.Owner, Subscription: s.Subscription,
		EventID: s.event.ID, EventType: s.event.Type, Account: s.event.Account,
	}}
	log := newWatch(parts.Now)
	made, err := attempt.New(parts).Make(httptrace.WithClientTrace(ctx, log.trace()), w, to, attempt.Way{Event: s.event, Test: true})
	switch {
	case errors.Is(err, attempt.ErrCancelled):
		return stopped("try again")
	case err != nil:
		return stopped(err.Error())
	case !made.Requested:
		return refuse(made.Outcome.Reason, made.Outcome.Detail)
	}
	return log.report(w, made, to.Proof.Secrets)
}
