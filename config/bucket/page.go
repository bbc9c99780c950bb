package bucket

import (
	"context"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/direct"
	"github.com/billhook/billhook/streams/topology"
)

// Span is a part of a bucket's keys, in the order of their last change.
type Span struct {
	// Below is what the keys are one token longer than.
	Below string
	// After is the revision before the first one; 0 begins with the oldest.
	After uint64
	// Limit is the greatest number of entries.
	Limit int
}

// Page visits a span, deleted keys included, at a cost that does not grow with
// the bucket. More reports whether there are entries behind the last one. A
// replica may answer that is a moment behind; a key that changes between two
// pages comes again, and none is left out.
func (b *Bucket) Page(ctx context.Context, s Span, visit func(Entry)) (more bool, err error) {
	way := direct.Steps{
		Stream: topology.BucketStream(b.name), Below: topology.BucketKey(b.name, s.Below), First: s.After + 1, Count: s.Limit,
	}
	return direct.Walk(ctx, b.js, way, func(m *direct.Message) { visit(EntryOf(b.name, (*cursor.Message)(m))) })
}
