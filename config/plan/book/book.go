// Package book changes delivered invoices: every change is decided on the
// invoice as it is, and stored only if nobody was faster. It refuses to know
// why one changes.
package book

import (
	"context"

	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/shared/fault"
)

// Entry is an invoice as it is stored, or as it was not: then the invoice is
// the zero one.
type Entry struct {
	Key      string
	Matter   *matter.Matter
	Revision uint64
}

// Shelf stores invoices.
type Shelf interface {
	Single
	Many
}

// Single is a shelf by keys.
type Single interface {
	// Get returns the entry of a key.
	Get(ctx context.Context, key string) (Entry, error)
	// Peek returns the entry of a key as it is or was a moment ago, for less.
	Peek(ctx context.Context, key string) (Entry, error)
	// Put stores the entry's invoice, nil for none, if the key still has the
	// entry's revision, and returns the new one. It fails with
	// [fault.Conflict] when it has not.
	Put(ctx context.Context, e Entry) (uint64, error)
}

// Many is a shelf from end to end.
type Many interface {
	// Each visits the invoices whose keys begin with one of the prefixes and a
	// dot, one after another; all of them when there is no prefix. What changes
	// meanwhile may be visited twice, and is never left out.
	Each(ctx context.Context, prefixes []string, visit func(Entry) error) error
	// Outlines visits all invoices so, without their values. What is visited must
	// not be stored.
	Outlines(ctx context.Context, visit func(Entry) error) error
}

// attempts bounds how often a change is decided anew. Only the cursor's holder
// and the few who fire one invoice's plans compete.
const attempts = 50

// Book is the delivered invoices.
type Book struct{ shelf Shelf }

// New returns the book of a shelf.
func New(s Shelf) *Book { return &Book{shelf: s} }

// Get returns the entry of a key.
func (b *Book) Get(ctx context.Context, key string) (Entry, error) { return b.shelf.Get(ctx, key) }

// Each visits the invoices whose keys begin with one of the prefixes and a dot,
// all of them when there is no prefix.
func (b *Book) Each(ctx context.Context, prefixes []string, visit func(Entry) error) error {
	return b.shelf.Each(ctx, prefixes, visit)
}

// Outlines visits all invoices without their values. What is visited must not
// be changed, only forgotten.
func (b *Book) Outlines(ctx context.Context, visit func(Entry) error) error {
	return b.shelf.Outlines(ctx, visit)
}

// Decide changes an invoice, the zero one where there is none, and reports
// whether it did. It may be called several times, with the invoice as it then
// is.
type Decide func(*matter.Matter) (changed bool)

// Try is [Book.Change] where most decisions are to change something: it decides
// on what a replica has, and on what the leader has when that changes nothing.
func (b *Book) Try(ctx context.Context, key string, decide Decide) (e Entry, changed bool, err error) {
	if e, err = b.shelf.Peek(ctx, key); err == nil {
		e, changed, err = b.Alter(ctx, e, decide)
	}
	if err != nil || changed {
		return e, changed, err
	}
	return b.Change(ctx, key, decide)
}

// Change changes the invoice of a key and returns it as it then stands.
func (b *Book) Change(ctx context.Context, key string, decide Decide) (e Entry, changed bool, err error) {
	if e, err = b.shelf.Get(ctx, key); err != nil {
		return e, false, err
	}
	return b.Alter(ctx, e, decide)
}

// Alter is [Book.Change] for an entry that was read. The entry's invoice is the
// book's from then on.
func (b *Book) Alter(ctx context.Context, e Entry, decide Decide) (_ Entry, changed bool, err error) {
	for range attempts {
		if !decide(e.Matter) {
			return e, false, nil
		}
		revision, err := b.shelf.Put(ctx, e)
		if err == nil {
			e.Revision = revision
			return e, true, nil
		}
		if fault.KindOf(err) != fault.Conflict {
			return e, false, err
		}
		if e, err = b.shelf.Get(ctx, e.Key); err != nil {
			return e, false, err
		}
	}
	return e, false, fault.New(fault.Conflict, "change invoice", e.Key, nil)
}

// Forget removes an invoice that has not changed since it was read.
func (b *Book) Forget(ctx context.Context, e Entry) error {
	e.Matter = nil
	if _, err := b.shelf.Put(ctx, e); err != nil && fault.KindOf(err) != fault.Conflict {
		return err
	}
	return nil
}
