package slots

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// look finds out what the subscriptions of new slots have missed, and from the
// first of them on follows the log for all. It returns when ctx ends.
func (s *Slots) look(ctx context.Context) {
	var tail sync.WaitGroup
	defer tail.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.scan:
		}
		fresh := s.takeFresh()
		begun, err := s.begin(ctx)
		if begun {
			tail.Go(func() { s.tail(ctx) })
		}
		if err == nil {
			err = s.catchUp(ctx, fresh)
		}
		if err != nil && ctx.Err() == nil {
			s.deps.Log.Warn().Err(err).Msg("in-order subscriptions not looked at; trying again")
			s.putBack(fresh)
			wait(ctx, roundEvery)
		}
	}
}

func (s *Slots) takeFresh() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.fresh
	s.fresh = nil
	return fresh
}

func (s *Slots) putBack(fresh []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh = append(s.fresh, fresh...)
	select {
	case s.scan <- struct{}{}:
	default:
	}
}

// begin puts the tail at the end of the log, once. What lies before is for
// those who look.
func (s *Slots) begin(ctx context.Context) (begun bool, err error) {
	s.mu.Lock()
	tailing := s.tailing
	s.mu.Unlock()
	if tailing {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	events, err := s.deps.JS.Stream(ctx, topology.Events)
	if err != nil {
		return false, fault.New(fault.Unavailable, "read end of the log", topology.Events, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tailing, s.tailed = true, events.CachedInfo().State.LastSeq
	return true, nil
}

// catchUp wakes those of the entries that have something to do.
func (s *Slots) catchUp(ctx context.Context, fresh []*entry) error {
	copies, err := s.copies(ctx, fresh)
	if err != nil {
		return err
	}
	low, until, filters := s.place(fresh, copies) //nolint:contextcheck // a series lives as long as its slot, not as whoever wakes it
	if len(filters) == 0 || low >= until {
		return nil
	}
	stretch := scan.Stretch{Stream: topology.Events, Filters: filters, After: low, Until: until}
	return scan.Read(ctx, s.deps.JS, stretch, func(m *cursor.Message) error { //nolint:contextcheck // a series lives as long as its slot, not as whoever wakes it
		s.found(m.Subject, m.Data, m.Seq)
		return nil
	})
}

// copies reads the stored positions in the slots of the entries.
func (s *Slots) copies(ctx context.Context, fresh []*entry) (map[series.Key]series.Copy, error) {
	slots := map[int]bool{}
	for _, e := range fresh {
		slots[e.sub.Slot()] = true
	}
	stretch := scan.Stretch{Stream: topology.BucketStream(topology.Series)}
	for slot := range slots {
		stretch.Filters = append(stretch.Filters, topology.BucketKey(topology.Series, subject.SeriesIn(s.cfg.Channel, slot)))
	}
	out := map[series.Key]series.Copy{}
	if len(slots) == 0 {
		return out, nil
	}
	prefix := len(topology.BucketKey(topology.Series, ""))
	return out, scan.Read(ctx, s.deps.JS, stretch, func(m *cursor.Message) error {
		key, c, err := series.ParseCopy(m.Subject[prefix:], m.Data)
		if err != nil {
			// Its series, which knows better, is woken for want of a copy.
			s.deps.Log.Error().Err(err).Msg("stored position not understood")
			return nil
		}
		out[key] = c
		return nil
	})
}

// manyFilters is from how many filters on the whole log is read instead: the
// server compares every message with each of them.
const manyFilters = 32

// place puts the entries where they were left, wakes those that have something
// to do in any case, and returns the stretch in which there may be events for
// the others.
func (s *Slots) place(fresh []*entry, copies map[series.Key]series.Copy) (low, until uint64, filters []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	low, until = s.tailed, s.tailed
	seen := map[string]bool{}
	for _, e := range fresh {
		if e.gone || e.running || e.queued {
			continue
		}
		c, ok := copies[e.sub.Key]
		if !ok || len(c.Position.Lanes) > 0 || c.Position.Halt != nil || c.Position.Applied != e.sub.Control.Number {
			s.wake(e)
			continue
		}
		e.through = max(e.through, c.Position.Watermark)
		e.paused = e.sub.Control.Paused
		low = min(low, e.through)
		for _, f := range e.sub.Plan.Filters {
			if !seen[f] {
				seen[f] = true
				filters = append(filters, f)
			}
		}
	}
	if len(filters) > manyFilters {
		filters = []string{subject.AllEvents}
	}
	return low, until, filters
}

// tail follows the log until ctx ends.
func (s *Slots) tail(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.follow(ctx); err != nil && ctx.Err() == nil {
			s.deps.Log.Warn().Err(err).Msg("log not followed; trying again")
			wait(ctx, roundEvery)
		}
	}
}

const (
	// tailBatch is how many events are asked for at once.
	tailBatch = 500
	// The server says every second that there is nothing new, so that a lost
	// consumer is noticed.
	tailExpiry    = 5 * time.Second
	tailHeartbeat = time.Second
)

func (s *Slots) follow(ctx context.Context) error {
	s.mu.Lock()
	from := s.tailed + 1
	s.mu.Unlock()
	c, err := s.deps.JS.OrderedConsumer(ctx, topology.Events, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject.AllEvents},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return err
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(tailBatch), jetstream.PullExpiry(tailExpiry), jetstream.PullHeartbeat(tailHeartbeat))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		// Before it is looked for: an entry that is made in between finds the
		// event by its own look, which ends here.
		s.mu.Lock()
		s.tailed = max(s.tailed, meta.Sequence.Stream)
		s.mu.Unlock()
		s.found(m.Subject(), m.Data(), meta.Sequence.Stream) //nolint:contextcheck // a series lives as long as its slot, not as whoever wakes it
	}
}

// found wakes the idle subscriptions that an event is for.
func (s *Slots) found(subj string, data []byte, seq uint64) {
	routed, err := subject.ParseEvent(subj)
	if err != nil {
		return // nobody's
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ev *event.Event
	for e := range s.byFilter[subject.EventsOfOwner(routed.Owner, routed.Type)] {
		if seq <= e.through {
			continue
		}
		if e.running || e.queued || e.paused || e.blocked {
			// It finds the event by itself, or is woken for it afterwards.
			e.newest = max(e.newest, seq)
			continue
		}
		if ev == nil {
			if ev, err = event.Decode(data); err != nil {
				return // ingest never writes such; the series says so
			}
		}
		if _, ok := e.sub.Plan.Match(ev, seq); ok {
			e.newest = max(e.newest, seq)
			s.wake(e)
		}
	}
}
