// Package reading tells how queues are read, from the watched configuration, and
// what their readers get of an event: what package queue of the module streams
// asks. A queue whose events or filter cannot be judged hands out nothing, and so
// loses nothing. It refuses to hand out.
package reading

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	config "github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Plans are those of the queues that were asked for. It is a [queue.Source].
type Plans struct {
	settings Settings
	stored   *bucket.Bucket

	mu    sync.Mutex
	known map[queue.Address]planned
}

// planned is a plan with what it was made from: values are replaced, never edited.
type planned struct {
	from *config.Queue
	plan *queue.Plan
}

func newPlans(s Settings) *Plans {
	return &Plans{settings: s, stored: bucket.Open(s.JetStream, topology.Queues), known: map[queue.Address]planned{}}
}

// Changes implements [queue.Source].
func (p *Plans) Changes() (<-chan struct{}, func()) { return p.settings.Directory.Changes() }

// Plan implements [queue.Source]. What did not change is not made again.
func (p *Plans) Plan(at queue.Address) (*queue.Plan, bool) {
	snapshot := p.settings.Directory.Owner(at.Owner)
	q, ok := snapshot.Queues[at.Queue]
	p.mu.Lock()
	defer p.mu.Unlock()
	if !ok {
		delete(p.known, at)
		return nil, false
	}
	former, ok := p.known[at]
	if !ok || former.from != q {
		former = planned{q, p.make(at, snapshot, q)}
		p.known[at] = former
	}
	return former.plan, true
}

// make makes a plan.
func (p *Plans) make(at queue.Address, snapshot *directory.Snapshot, q *config.Queue) *queue.Plan {
	plan := &queue.Plan{
		Incarnation: q.Incarnation, Start: q.FromSeq, InOrder: q.Order == config.Ordered,
		Visibility: q.VisibleAfter(), Active: q.Enabled(),
	}
	types := slices.Clone(q.Events)
	slices.Sort(types)
	for _, t := range slices.Compact(types) {
		plan.Filters = append(plan.Filters, subject.Event(subject.Partition(at.Owner, p.settings.Partitions), at.Owner, t))
	}
	f, err := filter.Compile(q.Filter)
	if broken := snapshot.Broken(topology.Queues, at.Queue); err != nil || len(broken) > 0 {
		p.settings.Log.Error().AnErr("filter", err).Str("owner", at.Owner).Str("queue", at.Queue).Msg("a queue cannot be judged and hands out nothing")
		plan.Active, f = false, nil
	}
	plan.Match = func(e *event.Event) bool { return f != nil && f.Match(e.Data) }
	return plan
}

// patience is how long a queue is waited for that is stored and not known here yet.
const patience = 2 * time.Second

// Known reports whether there is a queue. One that was made a moment before may not
// have reached the watched configuration, and is looked for where it is stored.
func (p *Plans) Known(ctx context.Context, at queue.Address) (bool, error) {
	if _, ok := p.Plan(at); ok {
		return true, nil
	}
	entry, err := p.stored.Get(ctx, at.Key())
	if err != nil || !entry.Exists() {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.settings.Directory.Await(ctx, topology.Queues, entry.Revision); err != nil {
		return false, err
	}
	_, ok := p.Plan(at)
	return ok, nil
}
