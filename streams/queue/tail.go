package queue

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/internal/ordered"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// room is how many events are read ahead of those that ask, and bulk of how many
	// bytes, but for the last few: as many as two answers have.
	room = 2 * MaxMessages
	bulk = 2 * MaxBytes
	// wire is how many are on their way from the server besides, of whatever size,
	// and few how many of them are taken at a time.
	wire = 32
	few  = 8
	// looks is how often the ends of EVENTS are compared with the reading.
	looks = 10 * time.Second
)

// tail is the reading of EVENTS behind what was handed out. The zero one reads
// nothing.
type tail struct {
	js     jetstream.JetStream
	reader *ordered.Reader
	stop   context.CancelFunc
	watch  sync.WaitGroup
	// ahead are the wanted events that were read, size their bytes, passed the sequence
	// up to which all were looked at, dropped that up to which they were let go of.
	ahead   []entry
	size    int
	passed  uint64
	dropped uint64
	// reached is how far the reading had come at the last look, looked when that
	// was, and first where EVENTS began then.
	reached uint64
	looked  time.Time
	first   uint64
}

// entry is a wanted event, and its size as it was stored.
type entry struct {
	seq   uint64
	event *event.Event
	size  int
}

// start begins to read behind what was passed.
func (t *tail) start(ctx context.Context, plan *Plan) error {
	r, err := ordered.Read(ctx, t.js, ordered.Config{Stream: topology.Events, Filters: plan.Filters, After: t.passed, Room: wire})
	if err != nil {
		return err
	}
	ctx, t.stop = context.WithCancel(ctx)
	t.watch.Go(func() { r.Watch(ctx) })
	t.reader, t.dropped = r, t.passed
	return nil
}

// close ends the reading.
func (t *tail) close(ctx context.Context) {
	if t.reader == nil {
		return
	}
	t.stop()
	t.watch.Wait()
	t.reader.Close(ctx)
	t.reader, t.ahead, t.size, t.passed, t.dropped = nil, nil, 0, 0, 0
}

// ready receives while there is something to be read for which there is room.
func (t *tail) ready() <-chan struct{} {
	if t.reader == nil || t.full() {
		return nil
	}
	return t.reader.Ready()
}

// interrupted receives when the reading was.
func (t *tail) interrupted() <-chan error {
	if t.reader == nil {
		return nil
	}
	return t.reader.Failed()
}

// fill takes what was read behind a sequence. What others handed out before this
// reading came to it is left out: there may be more of it than there is room.
func (t *tail) fill(plan *Plan, head uint64) {
	for !t.full() {
		some := t.reader.Take(min(few, room-len(t.ahead)))
		if len(some) == 0 {
			return
		}
		for _, m := range some {
			t.passed = m.Seq
			if m.Seq <= head {
				continue
			}
			e, err := event.Decode(m.Data)
			if err == nil && plan.Match(e) { // ingest writes nothing that cannot be decoded
				t.ahead, t.size = append(t.ahead, entry{m.Seq, e, len(m.Data)}), t.size+len(m.Data)
			}
		}
	}
}

// full reports whether there is no room for more.
func (t *tail) full() bool { return len(t.ahead) >= room || t.size >= bulk }

// behind returns the wanted events that were read behind a sequence.
func (t *tail) behind(seq uint64) []entry {
	for i, e := range t.ahead {
		if e.seq > seq {
			return t.ahead[i:]
		}
	}
	return nil
}

// drop lets go of what was handed out.
func (t *tail) drop(head uint64) {
	t.dropped = max(t.dropped, head)
	t.ahead, t.size = append([]entry(nil), t.behind(head)...), 0
	for _, e := range t.ahead {
		t.size += e.size
	}
}

// astray reports whether a state is not where this reading is: others handed out
// far more than was read here, or it is one of before, as after a crash of a server
// that loses the last writes, and what it has to come is let go of here.
func (t *tail) astray(head uint64) bool {
	return t.reader != nil && (head < t.dropped || head > t.passed+worthwhile)
}

// covered is the sequence up to which everything that is wanted was handed out, as
// far as this reading can tell.
func (t *tail) covered() uint64 {
	if len(t.ahead) > 0 {
		return t.ahead[0].seq - 1
	}
	return t.passed
}

// more reports whether something is on its way, as far as is known.
func (t *tail) more() bool { return t.reader == nil || t.reader.Behind() }

// dry reports whether all that there is was looked at.
func (t *tail) dry() bool { return !t.more() && len(t.ahead) == 0 }
