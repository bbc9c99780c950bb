package view

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/plan"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/streams/cursor"
)

// Explanation says, a line each, why an invoice or a service has or has no
// plans.
type Explanation struct {
	Lines []string `json:"lines"`
}

const shownPlan = `{"id": "pln_abcdefghijklmnopqrstuvwxyz", "owner": "acme", "account": "A-1001", "kind": "delivery", "type": "invoice.delivery_date_plus", "invoice": "I-42", "days": 3, "time": "09:00:00", "due_at": "2026-11-27T09:00:00+01:00", "zone": "Europe/Berlin", "state": "pending", "delivered_at": "2026-11-24T09:00:00Z", "event": "evt_pln_abcdefghijklmnopqrstuvwxyz"}`

// ofAccount is the parameter that saves looking through all of an owner's plans.
func ofAccount() api.Param {
	return api.Param{Name: "account", About: "account of its invoice or service; with it the plan is found faster", Kind: api.ID}
}

func schedules(d Deps) []api.Route {
	const path = ofOwner + "/schedules"
	one := api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[plan.Planned](), Example: json.RawMessage(shownPlan)}
	type change = func(*plan.Desk, context.Context, plan.Recorder, plan.Place) (plan.Planned, error)
	alter := func(word, summary string, do change) api.Route {
		return api.Route{
			Method: http.MethodPost, Path: path + "/{plan}/" + word, ID: word + "Schedule", Summary: summary, Verb: access.Control,
			Query: []api.Param{ofAccount()}, Answer: one, Errors: []int{http.StatusConflict},
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) {
				p, err := do(d.Plans, ctx, r.Store, planAt(r))
				return &api.Reply{Body: p}, err
			},
		}
	}
	out := []api.Route{
		{
			Method: http.MethodGet, Path: path, ID: "listSchedules", Summary: "List what is planned for invoices and services, in the order of their last change",
			Verb: access.Read, Query: append(paged(),
				api.Param{Name: "account", About: "only of this account", Kind: api.ID}, api.Param{Name: "invoice", About: "only of this invoice"},
				api.Param{Name: "service", About: "only of this service"},
				api.Param{Name: "kind", About: "only of this kind: after a delivery, or a derived event", Enum: plan.Kinds()},
				api.Param{Name: "state", About: "only in this state", Enum: plan.States()}),
			Answer: api.Answer{Status: http.StatusOK, Type: one.Type, List: true, Example: json.RawMessage(`{"items": [` + shownPlan + `]}`)},
			Serve:  func(ctx context.Context, r *api.Request) (*api.Reply, error) { return listSchedules(ctx, d, r) },
		},
		{
			Method: http.MethodGet, Path: path + "/explain", ID: "explainSchedules", Summary: "Say why an invoice or a service has or has no plans",
			Verb: access.Read, Query: []api.Param{
				{Name: "invoice", About: "the invoice; either this or service"}, {Name: "service", About: "the service; either this or invoice"},
				{Name: "account", About: "its account; none for an invoice without one", Kind: api.ID},
			},
			Answer: api.Answer{
				Status: http.StatusOK, Type: reflect.TypeFor[Explanation](),
				Example: json.RawMessage(`{"lines": ["delivered 2026-11-24T09:00:00Z by event inv-42-delivered", "no active subscription of the owner has a schedule"]}`),
			},
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return explainSchedules(ctx, d, r) },
		},
		{
			Method: http.MethodGet, Path: path + "/{plan}", ID: "getSchedule", Summary: "Get a plan", Verb: access.Read,
			Query: []api.Param{ofAccount()}, Answer: one,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) {
				p, err := d.Plans.Show(ctx, planAt(r))
				return &api.Reply{Body: p}, err
			},
		},
		alter("cancel", "Cancel a pending plan: only a new delivery plans it again, or usage on a later day", (*plan.Desk).Cancel),
		alter("fire", "Fire a pending plan now, before its moment", (*plan.Desk).Fire),
	}
	for i := range out {
		out[i].Tag, out[i].On = string(access.Schedules), access.Schedules
	}
	return out
}

func planAt(r *api.Request) plan.Place {
	return plan.Place{Owner: r.Owner, Account: r.Query("account"), Plan: r.Path("plan")}
}

func listSchedules(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	q := plan.Query{
		Owner: r.Owner, Account: r.Query("account"), Invoice: r.Query("invoice"), Service: r.Query("service"),
		Kind: r.Query("kind"), State: r.Query("state"),
	}
	l := log{
		js: d.JetStream, stream: plan.Stream(), subject: q.Subject(), now: d.Now, whole: true,
		rows: func(m *cursor.Message) ([]any, error) {
			plans, err := q.Plans(m)
			rows := make([]any, len(plans))
			for i, p := range plans {
				if p != nil {
					rows[i] = p
				}
			}
			return rows, err
		},
	}
	p, err := l.page(ctx, r.Page())
	return &api.Reply{Body: p}, err
}

func explainSchedules(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	q := plan.Query{Owner: r.Owner, Account: r.Query("account"), Invoice: r.Query("invoice"), Service: r.Query("service")}
	if (q.Invoice == "") == (q.Service == "") {
		return nil, problem.Parameter("invoice", "explain.either", "name either an invoice or a service")
	}
	lines, err := d.Plans.Explain(ctx, q)
	if lines == nil {
		lines = []string{}
	}
	return &api.Reply{Body: Explanation{Lines: lines}}, err
}
