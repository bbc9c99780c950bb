// Package stored is what plans are made for, and the timers that wake whoever
// fires them, as they lie in NATS. It refuses to decide anything.
package stored

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/topology"
)

// Shelf is the bucket invoices.
type Shelf struct{ bucket *bucket.Bucket }

// NewShelf returns the shelf. It makes no request.
func NewShelf(js jetstream.JetStream) *Shelf {
	return &Shelf{bucket.Open(js, topology.Invoices)}
}

// Get returns the entry of a key.
func (s *Shelf) Get(ctx context.Context, key string) (book.Entry, error) {
	return entryOf(s.bucket.Get(ctx, key))
}

// Peek returns the entry of a key as it is or was a moment ago.
func (s *Shelf) Peek(ctx context.Context, key string) (book.Entry, error) {
	return entryOf(s.bucket.Peek(ctx, key))
}

func entryOf(e bucket.Entry, err error) (book.Entry, error) {
	key := e.Key
	if err != nil || !e.Exists() {
		return book.Entry{Key: key, Matter: new(matter.Matter), Revision: e.Revision}, err
	}
	i, err := decode(key, e.Value)
	return book.Entry{Key: key, Matter: i, Revision: e.Revision}, err
}

func decode(key string, value []byte) (*matter.Matter, error) {
	i, err := matter.Read(value)
	if err != nil {
		return nil, fault.New(fault.Internal, "decode invoice", key, err)
	}
	return i, nil
}

// Put stores the entry's invoice, nil for none, if the key still has the
// entry's revision. It fails with [fault.Conflict] when it has not.
func (s *Shelf) Put(ctx context.Context, e book.Entry) (uint64, error) {
	if e.Matter == nil {
		return s.bucket.Delete(ctx, e.Key, e.Revision)
	}
	value, err := json.Marshal(e.Matter)
	if err != nil {
		return 0, fault.New(fault.Internal, "encode invoice", e.Key, err)
	}
	return s.bucket.Put(ctx, e.Key, value, e.Revision)
}

// filtersMax is how many prefixes one reading looks for.
const filtersMax = 100

// Each visits the invoices whose keys begin with one of the prefixes and a dot,
// all of them when there is no prefix.
func (s *Shelf) Each(ctx context.Context, prefixes []string, visit func(book.Entry) error) error {
	if len(prefixes) == 0 {
		return s.read(ctx, nil, decoding(visit))
	}
	for len(prefixes) > 0 {
		n := min(len(prefixes), filtersMax)
		patterns := make([]string, n)
		for i, prefix := range prefixes[:n] {
			patterns[i] = prefix + ".>"
		}
		if err := s.read(ctx, patterns, decoding(visit)); err != nil {
			return err
		}
		prefixes = prefixes[n:]
	}
	return nil
}

// Outlines visits all invoices without their values. What is visited must not be
// stored.
func (s *Shelf) Outlines(ctx context.Context, visit func(book.Entry) error) error {
	return s.read(ctx, nil, func(e book.Entry, value []byte) (err error) {
		if e.Matter, err = matter.Outline(value); err != nil {
			return fault.New(fault.Internal, "decode outline of invoice", e.Key, err)
		}
		return visit(e)
	})
}

func decoding(visit func(book.Entry) error) func(book.Entry, []byte) error {
	return func(e book.Entry, value []byte) (err error) {
		if e.Matter, err = decode(e.Key, value); err != nil {
			return err
		}
		return visit(e)
	}
}

// read visits what is stored, without its invoice decoded.
func (s *Shelf) read(ctx context.Context, patterns []string, visit func(e book.Entry, value []byte) error) error {
	return s.bucket.Each(ctx, bucket.Keys{Patterns: patterns, Whole: true}, func(e bucket.Entry) error {
		return visit(book.Entry{Key: e.Key, Revision: e.Revision}, e.Value)
	})
}

// Entry returns the entry that a message of the bucket's stream holds, with an
// empty invoice where it was removed.
func Entry(m *cursor.Message) (book.Entry, error) {
	return entryOf(bucket.EntryOf(topology.Invoices, m), nil)
}
