package bucket

import (
	"context"
	"strings"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/topology"
)

// Keys says which keys of a bucket are visited.
type Keys struct {
	// Patterns match them, and do not overlap; all are visited when there is
	// none.
	Patterns []string
	// Bare leaves out the values.
	Bare bool
	// Whole visits every key, what changes meanwhile perhaps twice. Otherwise a
	// key may be left out that changes before it is visited.
	Whole bool
}

// Each visits the keys that exist, in the order of their last change, with their
// revisions. It reads the stream of the bucket once, so a bucket may have any
// number of keys. It ends when visit fails, and then fails with that.
func (b *Bucket) Each(ctx context.Context, k Keys, visit func(Entry) error) error {
	s := scan.Stretch{Stream: topology.BucketStream(b.name), Filters: []string{scan.Everything}, HeadersOnly: k.Bare, Moving: k.Whole}
	if len(k.Patterns) > 0 {
		s.Filters = make([]string, len(k.Patterns))
		for i, p := range k.Patterns {
			s.Filters[i] = topology.BucketKey(b.name, p)
		}
	}
	return scan.Read(ctx, b.js, s, func(m *cursor.Message) error {
		if deleted(m.Header) {
			return nil
		}
		return visit(EntryOf(b.name, m))
	})
}

// EntryOf returns the state of a key that a message of a bucket's stream has.
func EntryOf(name string, m *cursor.Message) Entry {
	e := Entry{Key: strings.TrimPrefix(m.Subject, topology.BucketKey(name, "")), Revision: m.Seq}
	if deleted(m.Header) {
		return e
	}
	if e.Value = m.Data; e.Value == nil {
		e.Value = []byte{}
	}
	return e
}
