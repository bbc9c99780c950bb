package plan

import (
	"slices"

	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/stored"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/topology"
)

// Query says which plans are looked for.
type Query struct {
	Owner string
	// Account, Invoice, Service, Kind and State narrow it down where they are
	// not empty.
	Account, Invoice, Service, Kind, State string
}

// States lists every state of a plan.
func States() []string {
	return []string{string(matter.Pending), string(matter.Firing), string(matter.Fired), string(matter.Cancelled), string(matter.Refused)}
}

// Kinds lists every kind of plan.
func Kinds() []string {
	return []string{matter.AfterDelivery.String(), matter.Overdue.String(), matter.Dormant.String()}
}

// Check returns what is wrong with a query: a mistake would look like no plans.
func (q *Query) Check() fault.Problems {
	var out fault.Problems
	if !id.Valid(q.Owner) {
		out = append(out, fault.Problem{Pointer: "/owner", Rule: "id.form", Detail: "an identifier is " + id.Rule})
	}
	if q.Account != "" && !id.Valid(q.Account) {
		out = append(out, fault.Problem{Pointer: "/account", Rule: "id.form", Detail: "an identifier is " + id.Rule})
	}
	if q.State != "" && !slices.Contains(States(), q.State) {
		out = append(out, fault.Problem{
			Pointer: "/state", Rule: "state.unknown", Detail: fault.OneOf(States()...),
		})
	}
	if q.Kind != "" && !slices.Contains(Kinds(), q.Kind) {
		out = append(out, fault.Problem{
			Pointer: "/kind", Rule: "kind.unknown", Detail: fault.OneOf(Kinds()...),
		})
	}
	return out
}

func (q *Query) wants(p *Planned) bool {
	return (q.Invoice == "" || q.Invoice == p.Invoice) && (q.Service == "" || q.Service == p.Service) &&
		(q.Kind == "" || q.Kind == p.Kind) && (q.State == "" || q.State == p.State)
}

// Subject matches what of [Stream] may have plans of the query.
func (q *Query) Subject() string {
	key := q.Owner + ".>"
	switch {
	case q.Account == "":
	case q.Invoice != "":
		key = matter.Key(q.Owner, q.Account, q.Invoice)
	case q.Service != "":
		key = matter.ServiceKey(q.Owner, q.Account, q.Service)
	default:
		key = matter.OfAccount(q.Owner, q.Account) + ".>"
	}
	return topology.BucketKey(topology.Invoices, key)
}

// Stream is where plans lie: each message has all that are made for one invoice
// or service.
func Stream() string { return topology.BucketStream(topology.Invoices) }

// Plans returns the plans of a message of [Stream], nil in the place of each
// that the query does not want.
func (q *Query) Plans(m *cursor.Message) ([]*Planned, error) {
	e, err := stored.Entry(m)
	if err != nil {
		return nil, err
	}
	return q.of(e.Matter), nil
}

// of returns the plans of an invoice or a service, nil in the place of each that
// the query does not want.
func (q *Query) of(i *matter.Matter) []*Planned {
	out := make([]*Planned, len(i.Plans))
	for n := range i.Plans {
		if p := planned(i, &i.Plans[n]); q.wants(&p) {
			out[n] = &p
		}
	}
	return out
}
