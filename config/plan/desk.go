// Package plan is what operators and programs see of what is planned for an
// owner's invoices and services, and how they interfere: list, explain, cancel,
// fire. The plans are values that whoever changes one decides on as it is
// stored, so this needs no running scheduler, except to fire. It refuses to
// plan, which the scheduler does.
package plan

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/stored"
	"github.com/billhook/billhook/config/plan/wishes"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
)

// Desk looks at plans and interferes.
type Desk struct {
	deps     DeskDeps
	invoices *book.Book
	timer    *stored.Timer
}

// DeskDeps are what a desk is given.
type DeskDeps struct {
	JetStream jetstream.JetStream
	// Snapshots have the owners and their subscriptions.
	Snapshots wishes.Snapshots
	Now       func() time.Time
}

// NewDesk returns the desk. It makes no request.
func NewDesk(d DeskDeps) *Desk {
	return &Desk{deps: d, invoices: book.New(stored.NewShelf(d.JetStream)), timer: stored.NewTimer(d.JetStream, d.Now)}
}

// List returns the plans of a query, those that are due first first. It reads
// every invoice of the owner, or of the account.
func (d *Desk) List(ctx context.Context, q Query) ([]Planned, error) {
	var out []Planned
	err := d.invoices.Each(ctx, []string{prefix(q.Owner, q.Account)}, func(e book.Entry) error {
		for _, p := range q.of(e.Matter) {
			if p != nil {
				out = append(out, *p)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Planned) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID)) })
	return out, err
}

// prefix begins the keys of an owner's invoices, or of those of one account.
func prefix(owner, account string) string {
	if account == "" {
		return owner
	}
	return matter.OfAccount(owner, account)
}

// Zone returns the time zone of an owner, UTC where it has none.
func (d *Desk) Zone(owner string) *time.Location {
	if o := d.deps.Snapshots.Owner(owner).Owner; o != nil {
		if zone, err := time.LoadLocation(o.TimeZone); err == nil {
			return zone
		}
	}
	return time.UTC
}

// Place names a plan. The account of its invoice or service, where it is known,
// saves reading all of the owner's.
type Place struct{ Owner, Account, Plan string }

// find returns the entry of the invoice that has a plan. It fails with
// [fault.NotFound].
func (d *Desk) find(ctx context.Context, at Place) (found book.Entry, err error) {
	missing := fault.New(fault.NotFound, "find plan", at.Plan, nil)
	if !id.Valid(at.Owner) || at.Account != "" && !id.Valid(at.Account) {
		return found, missing // a wildcard would find somebody's
	}
	err = d.invoices.Each(ctx, []string{prefix(at.Owner, at.Account)}, func(e book.Entry) error {
		if e.Matter.Plan(at.Plan) != nil {
			found = e
		}
		return nil
	})
	if err == nil && found.Matter == nil {
		err = missing
	}
	return found, err
}

// Show returns a plan. It fails with [fault.NotFound].
func (d *Desk) Show(ctx context.Context, at Place) (Planned, error) {
	e, err := d.find(ctx, at)
	if err != nil {
		return Planned{}, err
	}
	return planned(e.Matter, e.Matter.Plan(at.Plan)), nil
}
