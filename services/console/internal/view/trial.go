package view

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/streams/probe"
)

const (
	// tryFor bounds a trial: its answer has to come within a minute.
	tryFor = 50 * time.Second
	// askAgain is when to come again after a trial that was not made.
	askAgain = time.Second
)

// EndpointTest says which example an endpoint is sent.
type EndpointTest struct {
	Type string `json:"type"`
	// Subscription says what is sent; empty means all that webhooks may use.
	Subscription string `json:"subscription,omitempty"`
}

const shownExchange = `{"request": {"method": "POST", "url": "https://hooks.example.com/billing", "header": [{"name": "webhook-id", "value": "test_abcdefghijklmnopqrstuvwxyz"}, {"name": "authorization", "value": "[secret]"}], "body": "{\"type\":\"invoice.posted\"}"}, "response": {"status": 204}, "timing": {"dns_ns": 1200000, "connect_ns": 9000000, "tls_ns": 21000000, "first_byte_ns": 34000000, "total_ns": 66000000}}`

func endpointTests(d Deps) []api.Route {
	return []api.Route{{
		Method: http.MethodPost, Path: ofOwner + "/endpoints/{endpoint}/test", ID: "testEndpoint",
		Summary: "Send the example of an event to an endpoint, once, and tell what was sent and what came back",
		Tag:     string(access.Endpoints), Verb: access.Control, On: access.Endpoints,
		Body: &api.Body{
			Type: reflect.TypeFor[EndpointTest](), Media: []string{api.JSON}, Example: json.RawMessage(`{"type": "invoice.posted"}`),
		},
		Answer:     api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[probe.Exchange](), Example: json.RawMessage(shownExchange)},
		Remembered: true,
		Serve:      ownEndpoint(func(ctx context.Context, r *api.Request) (*api.Reply, error) { return testEndpoint(ctx, d, r) }),
	}}
}

func testEndpoint(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	id := r.Path("endpoint")
	if _, err := r.Store.FindEndpoint(ctx, r.Owner, id); err != nil {
		return nil, addressed(err)
	}
	var want EndpointTest
	if err := decode(r, &want); err != nil {
		return nil, err
	}
	var report field.Report
	if _, known := d.Catalogue.Event(want.Type); !known {
		report.Add("/type", "event.unknown", "the catalogue has no such event type")
	}
	if want.Subscription != "" && !sends(r, d.Directory.Owner(r.Owner), want.Subscription) {
		report.Add("/subscription", "subscription.unknown", "the owner has no such active webhook subscription, or the key does not reach where it leads")
	}
	if err := report.Problems().Or(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	made, err := r.Store.TryEndpoint(ctx, probe.Question{Owner: r.Owner, Endpoint: id, EventType: want.Type, Subscription: want.Subscription})
	if err := untried(ctx, made.Refused, err); err != nil {
		return nil, err
	}
	return &api.Reply{Body: made.Exchange}, nil
}

// sends reports whether a subscription sends webhooks, and where the key has no
// more than some endpoints, to one of them: what it would send to others is not
// for that key to see.
func sends(r *api.Request, snap *directory.Snapshot, id string) bool {
	sub, ok := snap.Subscriptions[id]
	return ok && sub.Live() && sub.Webhook != nil && access.Own(&r.Caller.Key, access.Endpoints, sub.Webhook.Endpoint)
}

// untried is why nothing was tried; nil where it was.
func untried(ctx context.Context, refused *probe.Refusal, err error) error {
	switch {
	case errors.Is(err, probe.ErrNobody):
		return problem.Passing("no sender is running that could try it: nothing was tried", askAgain)
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return problem.Passing("no sender answered in time: it may have been tried", askAgain)
	case err != nil:
		return err
	case refused == nil:
		return nil
	case refused.Passing:
		return problem.Passing("nothing was tried: "+refused.Detail+" ("+refused.Reason+")", askAgain)
	}
	return fault.Problems{{Rule: refused.Reason, Detail: "nothing was tried: " + refused.Detail}}
}
