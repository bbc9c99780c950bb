package cursor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/internal/ordered"
)

// reading is one place in the stream, and the reader behind it: the main one,
// or that of a key that lags.
type reading struct {
	place
	// key is "" for the main reading.
	key     string
	filters []string
	// skipped is the newest message of the key that the main reading has
	// passed, as far as the key has not come; noticed counts those that it
	// passed lately.
	skipped uint64
	noticed int
	// aside is where the main reading was when the key was set aside.
	aside uint64
	// turned is when its last turn as a lane began, or it became one.
	turned time.Time

	reader *ordered.Reader
	// reached is the last sequence that had been received at the last look.
	reached uint64
	end     func()
}

// readings returns those that the mark tells of.
func (s *Session) readings() (main *reading, lanes []*reading) {
	main = &reading{place: s.mark.place, filters: s.c.cfg.Filters}
	for _, key := range slices.Sorted(maps.Keys(s.mark.Lanes)) {
		lanes = append(lanes, s.lane(key, s.mark.Lanes[key]))
	}
	return main, lanes
}

func (s *Session) lane(key string, at place) *reading {
	return &reading{place: at, key: key, filters: []string{s.c.cfg.Lanes.Filter(key)}, turned: s.c.deps.Now()}
}

// all returns the main reading and those of the keys that lag.
func (s *Session) all() []*reading { return append([]*reading{s.main}, s.lanes...) }

// places are those of the keys that lag.
func (s *Session) places() map[string]place {
	if len(s.lanes) == 0 {
		return nil
	}
	out := make(map[string]place, len(s.lanes))
	for _, l := range s.lanes {
		out[l.key] = l.place
	}
	return out
}

// signals are where the readers of a session say that there is something to
// take, and that they were interrupted.
type signals struct {
	ready  chan struct{}
	failed chan error
}

func newSignals() signals { return signals{make(chan struct{}, 1), make(chan error, 1)} }

// again has the session look once more whether there is something to take.
func (s signals) again() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// open begins to read behind the place of r.
func (s *Session) open(ctx context.Context, r *reading, to signals) error {
	s.readers++
	room := laneRoom * s.laneBatch()
	if r == s.main {
		room = 2 * s.c.cfg.BatchMax
	}
	reader, err := ordered.Read(ctx, s.c.deps.JS, ordered.Config{
		Stream: s.c.cfg.Stream, Filters: r.filters, After: r.Position,
		Name: fmt.Sprintf("cursor_%s_%d_%d", strings.ReplaceAll(s.c.cfg.Name, ".", "_"), s.mark.Epoch, s.readers),
		Room: room, Ready: to.ready, Failed: to.failed,
	})
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { reader.Watch(watching) })
	r.reader, r.reached = reader, r.Position
	r.end = func() {
		stop()
		wg.Wait()
		reader.Close(ctx)
		r.reader, r.end = nil, nil
	}
	return nil
}

// openAll begins all readings. What is known of how far a key that lags has to
// come is looked up anew: its newest message.
func (s *Session) openAll(ctx context.Context, to signals) error {
	for _, l := range s.lanes {
		newest, err := leader.Last(ctx, s.c.deps.JS, s.c.cfg.Stream, l.filters[0])
		if err != nil {
			return fault.New(fault.Unavailable, "read newest", l.filters[0], err)
		}
		l.skipped = newest.Seq
	}
	for _, r := range s.all() {
		if err := s.open(ctx, r, to); err != nil {
			return err
		}
	}
	s.moved = s.c.deps.Now()
	s.opened = s.moved
	return nil
}

// closeAll ends what openAll and later calls of open began.
func (s *Session) closeAll() {
	for _, r := range s.all() {
		if r.end != nil {
			r.end()
		}
	}
}
