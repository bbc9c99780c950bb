package resource

import (
	"context"
	"encoding/json"
	"iter"
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/listing"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/page"
	"github.com/billhook/billhook/shared/fault"
)

// snapshots has what owners configured, but for accounts.
type snapshots interface {
	Owner(id string) *directory.Snapshot
	Owners() iter.Seq2[string, *directory.Snapshot]
}

// named are the orders of lists that are at hand.
func named() []string { return []string{page.ByID, page.ByName} }

// startsWith is the filter of every list of named things.
const startsWith = "name_prefix"

func nameFilter() api.Param {
	return api.Param{Name: startsWith, About: "only those whose names begin so"}
}

// snapshotList lists the few things of a kind that the snapshot of an owner has
// in one value.
func snapshotList(s snapshots, items func(*directory.Snapshot) iter.Seq[page.Item]) lister {
	return func(_ context.Context, where at, a page.Ask) (page.Page, error) {
		return page.Select(func(yield func(page.Item) bool) {
			for item := range items(s.Owner(where.owner)) {
				if strings.HasPrefix(item.Name, a.Filters[startsWith]) && !yield(item) {
					return
				}
			}
		}, a)
	}
}

// lister returns a page of a kind.
type lister func(context.Context, at, page.Ask) (page.Page, error)

// many is a kind of which an owner may have many: they are kept in order.
type many[T any] struct {
	in func(*directory.Snapshot, listing.Order) *listing.Listing[T]
	// which returns what an item must be to be asked for.
	which func(page.Ask) func(*T) bool
	// shown is an item as the API has it.
	shown func(*T) any
}

func (m many[T]) list(s snapshots) lister {
	return func(_ context.Context, where at, a page.Ask) (page.Page, error) {
		begins, asked := a.Filters[startsWith], m.which(a)
		return page.Walk(func(b page.Begin) iter.Seq[page.Item] {
			return func(yield func(page.Item) bool) {
				for e := range m.from(s.Owner(where.owner), b) {
					if where.own != nil && !where.own(e.ID) || !strings.HasPrefix(e.Name, begins) || !asked(e.Value) {
						continue
					}
					if !yield(page.Item{ID: e.ID, Name: e.Name, Document: m.shown(e.Value)}) {
						return
					}
				}
			}
		}, a)
	}
}

func (m many[T]) from(s *directory.Snapshot, b page.Begin) iter.Seq[listing.Entry[T]] {
	order := listing.ByID
	if b.ByName {
		order = listing.ByName
	}
	l := m.in(s, order)
	switch {
	case b.Behind == nil && b.Reverse:
		return l.Backward()
	case b.Behind == nil:
		return l.All()
	}
	place := listing.Entry[T]{ID: b.Behind.ID, Name: b.Behind.Name}
	if b.Reverse {
		return l.Before(place)
	}
	return l.After(place)
}

// accountReach is how many accounts are looked at for one page with filters. A
// page may so have fewer items than were asked for, or none, and still be
// followed by another.
const accountReach = 1000

// accountList lists accounts in the order of their last change: there are too
// many to have them at hand, and the bucket gives them in that order.
func accountList(accounts *bucket.Bucket) lister {
	return func(ctx context.Context, where at, a page.Ask) (page.Page, error) {
		after, err := a.After()
		if err != nil {
			return page.Page{}, err
		}
		w := &walk{ask: a, last: after.Seq, page: page.Page{Items: []any{}}}
		reach := a.Limit
		if w.filters() {
			reach = accountReach
		}
		more, err := accounts.Page(ctx, bucket.Span{Below: where.owner, After: w.last, Limit: reach}, w.take)
		if err != nil {
			return page.Page{}, err
		}
		if more || w.left {
			w.page.Next = a.At(page.Spot{Seq: w.last})
		}
		return w.page, w.err
	}
}

// walk is a page of accounts in the making.
type walk struct {
	ask  page.Ask
	page page.Page
	last uint64
	// left is true once an account was read that has no place any more.
	left bool
	err  error
}

func (w *walk) full() bool { return len(w.page.Items) >= w.ask.Limit }

func (w *walk) filters() bool {
	return w.ask.Filters[startsWith] != "" || w.ask.Filters["status"] != "" || w.ask.Filters["currency"] != ""
}

func (w *walk) take(e bucket.Entry) {
	if w.full() || w.err != nil {
		w.left = true
		return
	}
	w.last = e.Revision
	if !e.Exists() {
		return
	}
	a := new(account.Account)
	if err := json.Unmarshal(e.Value, a); err != nil {
		w.err = fault.New(fault.Internal, "decode account", e.Key, err)
		return
	}
	f := w.ask.Filters
	if strings.HasPrefix(a.Name, f[startsWith]) && asked(f["status"], a.Status) && asked(f["currency"], a.Currency) {
		w.page.Items = append(w.page.Items, a)
	}
}

// asked reports whether a value is the one that is asked for, if any is.
func asked(want, is string) bool { return want == "" || want == is }
