// Package nats reads what is stored of a partition from NATS. It refuses to
// write: the cursor does.
package nats

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/matcher/internal/index"
	"github.com/billhook/billhook/services/matcher/internal/partition"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Journal reads one partition of EVENTS and DELIVERIES.
type Journal struct {
	js   jetstream.JetStream
	part int
}

// NewJournal returns the journal of a partition.
func NewJournal(js jetstream.JetStream, part int) *Journal { return &Journal{js: js, part: part} }

// CursorName is the name of a partition's cursor.
func CursorName(part int) string { return "matcher." + strconv.Itoa(part) }

// Fence is what the matcher of a partition writes.
func Fence(part int) fence.Fence {
	return fence.Fence{Stream: topology.Deliveries, Filter: subject.DeliveriesPart(part)}
}

// Events visits the events with after < sequence ≤ until, in order. It fails
// with what visit fails with.
func (j *Journal) Events(ctx context.Context, after, until uint64, visit func(*cursor.Message) error) error {
	if after >= until {
		return nil
	}
	return scan.Read(ctx, j.js, scan.Stretch{
		Stream: topology.Events, Filters: []string{subject.EventsPart(j.part)}, After: after, Until: until,
	}, visit)
}

// Deliveries visits every delivery stored since a moment. It is complete: it
// sees all that the leader had when it was called.
func (j *Journal) Deliveries(ctx context.Context, since time.Time, visit func(partition.Delivered) error) error {
	return j.deliveries(ctx, scan.Stretch{Since: since}, func(r *delivery.Reference, _ delivery.Channel) error {
		return visit(partition.Delivered{Owner: r.Owner, Subscription: r.Subscription, EventSeq: r.EventSeq})
	})
}

func (j *Journal) deliveries(ctx context.Context, s scan.Stretch, visit func(*delivery.Reference, delivery.Channel) error) error {
	s.Stream, s.Filters = topology.Deliveries, []string{subject.DeliveriesPart(j.part)}
	return scan.Read(ctx, j.js, s, func(m *cursor.Message) error {
		var r delivery.Reference
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return fault.New(fault.Internal, "decode delivery", m.Subject, err)
		}
		to, err := subject.ParseDelivery(m.Subject)
		if err != nil {
			return fault.New(fault.Internal, "read delivery", m.Subject, err)
		}
		return visit(&r, to.Channel)
	})
}

// firstLook is how many messages of the stream are read back first in search
// of the deliveries of one event.
const firstLook = 512

// Partial returns what is stored of an event's deliveries, which is not all. It
// looks back further and further until it has as many as are stored.
func (j *Journal) Partial(ctx context.Context, half cursor.Half) (found partition.Partial, err error) {
	newest, err := fence.Read(ctx, j.js, Fence(j.part))
	if err != nil {
		return found, err
	}
	for look := uint64(firstLook); ; look *= 4 {
		before := newest.Seq - min(newest.Seq, look)
		if found.Stored, err = j.storedOf(ctx, half.Source, scan.Stretch{After: before, Until: newest.Seq}); err != nil {
			return found, err
		}
		if len(found.Stored) >= half.Stored || before == 0 {
			return found, nil
		}
	}
}

func (j *Journal) storedOf(ctx context.Context, source uint64, s scan.Stretch) (stored []index.Match, err error) {
	err = j.deliveries(ctx, s, func(r *delivery.Reference, ch delivery.Channel) error {
		if r.EventSeq == source {
			stored = append(stored, index.Match{Subscription: r.Subscription, Revision: r.Revision, Channel: ch})
		}
		return nil
	})
	return stored, err
}
