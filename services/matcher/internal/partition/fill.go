package partition

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/matcher/internal/index"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// skew is how far the clocks of two servers may differ that stamped an event
// and its delivery.
const skew = time.Minute

// fillChunk is how many deliveries are filled in with one write.
const fillChunk = 500

// version is a version of a subscription with the revision of the bucket at
// which it was first stored.
type version struct {
	*subscription.Version
	stored uint64
}

// fill makes the deliveries of versions that were learnt of when the position
// was behind the beginning of their range already. It may be repeated: it
// makes only those that lack.
func (p *Partition) fill(ctx context.Context, s *cursor.Session) error {
	// The revision is read first, so that the snapshots are no older.
	revision := p.settings.Configuration.Revision()
	if revision <= p.filled {
		return nil
	}
	late, after := p.late(s)
	if len(late) > 0 {
		if err := p.fillIn(ctx, s, gap{late, after}); err != nil {
			return err
		}
		p.settings.Fault(FaultFilled)
	}
	raw, err := json.Marshal(state{Filled: revision})
	if err != nil {
		return fault.New(fault.Internal, "encode matcher state", "", err)
	}
	p.filled = revision
	s.SetState(raw)
	if len(late) > 0 {
		return s.Checkpoint(ctx)
	}
	return nil
}

// gap is a range of events that was matched without some versions, from after to
// where the owner of each is.
type gap struct {
	indexes map[string]*index.Index
	after   uint64
}

// late returns, by owner, the versions that are not filled in and begin before
// the position of their owner, and the least beginning.
func (p *Partition) late(s *cursor.Session) (indexes map[string]*index.Index, after uint64) {
	indexes, after = map[string]*index.Index{}, s.Position()
	for owner, snapshot := range p.settings.Configuration.Owners() {
		if snapshot.Revision <= p.filled {
			continue
		}
		position := s.PositionOf(owner)
		found := sources(snapshot, func(v version) bool {
			return v.stored > p.filled && v.FromSeq < position && (v.Open() || v.UntilSeq > v.FromSeq)
		})
		for _, source := range found {
			after = min(after, source.Version.FromSeq)
		}
		if len(found) > 0 {
			indexes[owner] = p.build(owner, nil, found)
		}
	}
	return indexes, after
}

// sources returns the versions of a snapshot that keep chooses, in the order
// of subscription ids.
func sources(s *directory.Snapshot, keep func(version) bool) []index.Source {
	var out []index.Source
	for _, id := range slices.Sorted(maps.Keys(s.Subscriptions)) {
		sub := s.Subscriptions[id]
		for i := range sub.Versions {
			v := version{&sub.Versions[i], sub.Versions[i].Stored}
			if v.Open() {
				v.stored = sub.Stored
			}
			if keep(v) {
				out = append(out, index.Source{Subscription: id, Version: v.Version})
			}
		}
	}
	return out
}

// filling is the work of closing one gap.
type filling struct {
	partition *Partition
	session   *cursor.Session
	gap       gap
	// existing is what is stored already; nil before the first match.
	existing map[Delivered]bool
	pending  []cursor.Output
}

func (p *Partition) fillIn(ctx context.Context, s *cursor.Session, g gap) error {
	f := &filling{partition: p, session: s, gap: g}
	err := p.settings.Journal.Events(ctx, g.after, furthest(s, g), func(m *cursor.Message) error { return f.visit(ctx, m) })
	if err != nil {
		return err
	}
	return f.flush(ctx)
}

// furthest is where the owner of a gap is that has come furthest.
func furthest(s *cursor.Session, g gap) (until uint64) {
	for owner := range g.indexes {
		until = max(until, s.PositionOf(owner))
	}
	return until
}

func (f *filling) visit(ctx context.Context, m *cursor.Message) error {
	routed, err := subject.ParseEvent(m.Subject)
	if err != nil || !f.gap.indexes[routed.Owner].Wants(routed.Type) {
		return nil // what cannot be read was reported when it was passed over
	}
	if m.Seq > f.session.PositionOf(routed.Owner) {
		return nil // it is matched when its owner comes there
	}
	e, err := event.Decode(m.Data)
	if err != nil {
		return nil
	}
	for _, match := range f.gap.indexes[routed.Owner].Append(nil, e, m.Seq) {
		if err := f.add(ctx, match, e, m); err != nil {
			return err
		}
	}
	return nil
}

// add writes the delivery unless it exists.
func (f *filling) add(ctx context.Context, match index.Match, e *event.Event, m *cursor.Message) error {
	if err := f.look(ctx, m.Time); err != nil {
		return err
	}
	if f.existing[Delivered{e.Owner, match.Subscription, m.Seq}] {
		return nil
	}
	o, err := output(f.partition.settings.Part, match, e, m.Seq)
	if err != nil {
		return err
	}
	if f.pending = append(f.pending, o); len(f.pending) < fillChunk {
		return nil
	}
	return f.flush(ctx)
}

// look reads, once, the deliveries that exist. None is older than the first
// event that matched.
func (f *filling) look(ctx context.Context, first time.Time) error {
	if f.existing != nil {
		return nil
	}
	existing := map[Delivered]bool{}
	err := f.partition.settings.Journal.Deliveries(ctx, first.Add(-skew), func(d Delivered) error {
		if f.gap.indexes[d.Owner] != nil {
			existing[d] = true
		}
		return nil
	})
	if err == nil {
		f.existing = existing
	}
	return err
}

func (f *filling) flush(ctx context.Context) error {
	if len(f.pending) == 0 {
		return nil
	}
	err := f.session.Write(ctx, f.pending)
	f.pending = nil
	return err
}
