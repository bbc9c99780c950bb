// Package partition matches the events of one partition in order: the work of
// the matcher's cursor. It refuses to hold a position or to write, which the
// cursor does, and to know how configuration is watched.
//
// Three things make its results the same whatever crashes when. A version of a
// subscription matches a fixed range of sequences, whenever it is matched. A
// version that is learnt of behind the beginning of its range is filled in
// from the log, without the deliveries that exist. And an event whose
// deliveries were stored in part is matched again with those in front, so that
// exactly the rest is stored, even if the configuration changed in between.
package partition

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/matcher/internal/index"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// Configuration is the owners' subscriptions as far as they are known.
type Configuration interface {
	// Owner returns the snapshot of one owner, never nil.
	Owner(owner string) *directory.Snapshot
	// Owners returns every owner with its snapshot.
	Owners() iter.Seq2[string, *directory.Snapshot]
	// Revision returns up to which revision of the bucket the snapshots are.
	Revision() uint64
}

// Settings are what a partition is made of.
type Settings struct {
	Part          int
	Configuration Configuration
	Journal       Journal
	Builder       index.Builder
	Logger        zerolog.Logger
	// Fault is called at every fault point; nil in production.
	Fault func(point string)
}

// FaultFilled lies between deliveries that were filled in and everything that
// remembers it.
const FaultFilled = "filled-before-state"

// Partition is the handler of one partition's cursor. It belongs to the
// cursor's goroutine.
type Partition struct {
	settings Settings
	indexes  map[string]indexed
	matches  []index.Match
	// partials are what a former holder left, by source; a session leaves
	// none, since a failed write ends it.
	partials map[uint64]Partial
	// filled is the revision up to which every version is filled in.
	filled uint64
}

// indexed is an index with the snapshot it was built from.
type indexed struct {
	snapshot *directory.Snapshot
	index    *index.Index
}

// New returns the handler of a partition.
func New(s Settings) *Partition {
	if s.Fault == nil {
		s.Fault = func(string) {}
	}
	return &Partition{settings: s, indexes: map[string]indexed{}}
}

// state is what a partition keeps in its checkpoint.
type state struct {
	// Filled is the revision of the bucket subscriptions up to which every
	// version is filled in.
	Filled uint64 `json:"filled"`
}

// Begin finds out what a former holder left undone, and does it.
func (p *Partition) Begin(ctx context.Context, s *cursor.Session) error {
	var kept state
	if raw := s.State(); len(raw) > 0 {
		if err := json.Unmarshal(raw, &kept); err != nil {
			return fault.New(fault.Internal, "decode matcher state", "", err)
		}
	}
	p.filled, p.partials = kept.Filled, map[uint64]Partial{}
	for _, half := range s.Halves() {
		partial, err := p.settings.Journal.Partial(ctx, half)
		if err != nil {
			return err
		}
		p.partials[half.Source] = partial
	}
	return p.fill(ctx, s)
}

// Woken takes in what changed in the configuration.
func (p *Partition) Woken(ctx context.Context, s *cursor.Session) error { return p.fill(ctx, s) }

// Handle matches the events.
func (p *Partition) Handle(_ context.Context, _ *cursor.Session, messages []cursor.Message) ([]cursor.Step, error) {
	steps := make([]cursor.Step, len(messages))
	for i := range messages {
		outputs, err := p.match(&messages[i])
		if err != nil {
			return nil, err
		}
		steps[i].Outputs = outputs
	}
	return steps, nil
}

// match returns the deliveries of one event. An event that cannot be read,
// which ingest never writes, is passed over: it would block its partition for
// ever.
func (p *Partition) match(m *cursor.Message) ([]cursor.Output, error) {
	routed, err := subject.ParseEvent(m.Subject)
	if err != nil {
		p.unreadable(m.Seq, err)
		return nil, nil
	}
	x := p.index(routed.Owner)
	partial, half := p.partials[m.Seq]
	if !x.Wants(routed.Type) && !half {
		return nil, nil
	}
	e, err := event.Decode(m.Data)
	if err != nil {
		p.unreadable(m.Seq, err)
		return nil, nil
	}
	p.matches = x.Append(p.matches[:0], e, m.Seq)
	if half {
		p.matches = partial.first(p.matches)
	}
	return p.outputs(e, m.Seq)
}

func (p *Partition) unreadable(seq uint64, err error) {
	p.settings.Logger.Error().Err(err).Uint64("seq", seq).Msg("event cannot be read; passed over")
}

func (p *Partition) outputs(e *event.Event, seq uint64) ([]cursor.Output, error) {
	if len(p.matches) == 0 {
		return nil, nil
	}
	out := make([]cursor.Output, len(p.matches))
	for i, m := range p.matches {
		o, err := output(p.settings.Part, m, e, seq)
		if err != nil {
			return nil, err
		}
		out[i] = o
	}
	return out, nil
}

// index returns the index of an owner, built anew when its snapshot changed.
func (p *Partition) index(owner string) *index.Index {
	snapshot := p.settings.Configuration.Owner(owner)
	had := p.indexes[owner]
	if had.snapshot == snapshot {
		return had.index
	}
	if len(snapshot.Subscriptions) == 0 {
		delete(p.indexes, owner)
		return nil
	}
	x := p.build(owner, had.index, sources(snapshot, func(version) bool { return true }))
	p.indexes[owner] = indexed{snapshot, x}
	return x
}

func (p *Partition) build(owner string, old *index.Index, from []index.Source) *index.Index {
	x, failed := p.settings.Builder.Build(old, from)
	for _, err := range failed {
		p.settings.Logger.Error().Err(err).Str("owner", owner).Msg("subscription left out of matching")
	}
	return x
}
