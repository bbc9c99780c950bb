package resource

import (
	"context"
	"reflect"
	"slices"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/page"
)

func queues(d Deps) kind[queue.Spec] {
	return kind[queue.Spec]{
		one: "Queue", many: "Queues", noun: "queue", path: ofOwner + "/queues", id: "queue", on: access.Queues,
		read: reflect.TypeFor[queue.Spec](), sorts: named(),
		filters: []api.Param{
			nameFilter(), activeFilter(), {Name: "order", About: "only those of this order", Enum: []string{string(queue.Unordered), string(queue.Ordered)}},
			{Name: "event", About: "only those of this event type"},
		},
		list: many[queue.Queue]{
			in: (*directory.Snapshot).ListQueues,
			which: func(a page.Ask) func(*queue.Queue) bool {
				order, event, active := a.Filters["order"], a.Filters["event"], flag(a, "active")
				return func(q *queue.Queue) bool {
					return active.is(q.Enabled()) && asked(order, string(q.Order)) && (event == "" || slices.Contains(q.Events, event))
				}
			},
			shown: func(q *queue.Queue) any { return &q.Spec },
		}.list(d.Directory),
		find: func(ctx context.Context, w at) (found, error) { return read(d.Store.FindQueue(ctx, w.owner, w.id)) },
		put: func(ctx context.Context, s *store.Store, w at, v queue.Spec) (setup.Change, error) {
			return s.PutQueue(ctx, w.owner, v)
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteQueue(ctx, w.owner, w.id)
		},
		example: `{"id": "ledger", "name": "Ledger", "events": ["invoice.posted", "invoice.voided"], "filter": {"Invoice.Total": [{"numeric": [">=", 100]}]}, "order": "ordered", "visibility": "2m"}`,
		shown:   `{"id": "ledger", "name": "Ledger", "events": ["invoice.posted", "invoice.voided"], "filter": {"Invoice.Total": [{"numeric": [">=", 100]}]}, "order": "ordered", "start": "now", "visibility": "2m", "active": true}`,
	}
}
