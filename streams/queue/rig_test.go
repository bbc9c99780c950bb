package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; nothing waits as long unless it fails.
const patience = 30 * time.Second

var erp = queue.Address{Owner: "acme", Queue: "erp"}

// rig is a broker with the streams that queues need, and what queues there are.
type rig struct {
	t      testing.TB
	server *natstest.Server
	js     jetstream.JetStream

	mu      sync.Mutex
	plan    *queue.Plan
	pace    queue.Pace
	changes map[chan struct{}]struct{}
	lost    []handout.Gap
	// ahead is how far the clock of the instances is before the broker's.
	ahead time.Duration
	// render is called with every event that is handed out.
	render func(*event.Event)
	// tell is called with every gap that is told.
	tell func(handout.Gap)
	log  bytes.Buffer
}

func newRig(t testing.TB, opts ...natstest.Option) *rig {
	t.Helper()
	r := &rig{t: t, server: natstest.Start(t, opts...), changes: map[chan struct{}]struct{}{}}
	// However slow the machine is, what is there is read.
	r.pace = queue.Pace{Linger: patience, Patience: patience}
	r.js = r.server.JetStream(t)
	settings := topology.Defaults()
	settings.Partitions = 1
	for _, c := range append(topology.Streams(settings), topology.Buckets(settings)...) {
		if c.Name == topology.Events || c.Name == topology.BucketStream(topology.QueueState) {
			if _, err := r.js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.plan = &queue.Plan{
		Incarnation: "1", Filters: []string{subject.Event(0, "acme", "invoice.posted"), subject.Event(0, "acme", "invoice.paid")},
		Match: func(*event.Event) bool { return true }, Visibility: time.Minute, Active: true,
	}
	return r
}

// change gives the queue another plan; nil removes it.
func (r *rig) change(by func(*queue.Plan)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if by == nil {
		r.plan = nil
	} else {
		next := *r.plan
		by(&next)
		r.plan = &next
	}
	for c := range r.changes {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Plan implements queue.Source.
func (r *rig) Plan(at queue.Address) (*queue.Plan, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan, at == erp && r.plan != nil
}

// Changes implements queue.Source.
func (r *rig) Changes() (<-chan struct{}, func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := make(chan struct{}, 1)
	r.changes[c] = struct{}{}
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.changes, c)
	}
}

// now is the clock of all instances.
func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.ahead)
}

// gaps are those that were told.
func (r *rig) gaps() []handout.Gap {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

// desk is an instance at work.
type desk struct {
	*queue.Desk
	t    testing.TB
	stop func() // waits
}

func (r *rig) start() *desk {
	r.t.Helper()
	js := r.server.JetStream(r.t)
	d := queue.New(queue.Settings{
		JS: js, Source: r, Waiting: 8, Pace: r.pace, Now: r.now, Log: zerolog.New(zerolog.SyncWriter(&r.log)),
		Render: func(e *event.Event) []byte {
			r.mu.Lock()
			render := r.render
			r.mu.Unlock()
			if render != nil {
				render(e)
			}
			return []byte(e.ID + e.Data.Text("Invoice.Title"))
		},
		Ticket: func() uint64 { return rand.Uint64() | 1 },
		Lost: func(_ queue.Address, g handout.Gap) {
			if r.tell != nil {
				r.tell(g)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lost = append(r.lost, g)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = d.Run(ctx); close(done) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	r.t.Cleanup(stop)
	<-d.Ready()
	return &desk{Desk: d, t: r.t, stop: stop}
}

// publish stores n events, numbered from the first on.
func (r *rig) publish(first, n int, change ...func(*event.Event)) {
	r.t.Helper()
	for i := range n {
		e := event.Event{ID: fmt.Sprint("e", first+i), Type: "invoice.posted", Owner: "acme", Time: time.Unix(1, 0), Data: event.Values{}}
		for _, c := range change {
			c(&e)
		}
		b, err := e.Encode()
		if err != nil {
			r.t.Fatal(err)
		}
		for {
			_, err := r.js.PublishMsgAsync(&nats.Msg{Subject: subject.Event(0, "acme", e.Type), Data: b}, jetstream.WithStallWait(time.Minute))
			if err == nil {
				break
			}
		}
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(patience):
		r.t.Fatal("events are not stored")
	}
}

// pull pulls and fails the test where that fails.
func (d *desk) pull(most int, wait time.Duration) []queue.Message {
	d.t.Helper()
	got, err := d.Pull(d.t.Context(), erp, most, wait)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

// settle does the same with all messages and returns the one result that they
// have.
func (d *desk) settle(want handout.Result, after time.Duration, messages ...queue.Message) handout.Result {
	d.t.Helper()
	var deeds []queue.Deed
	for _, m := range messages {
		deeds = append(deeds, queue.Deed{Receipt: m.Receipt, Want: want, After: after})
	}
	got, err := d.Settle(d.t.Context(), erp, deeds)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range got {
		if r != got[0] {
			d.t.Fatalf("the results differ: %v", got)
		}
	}
	return got[0]
}

// ack acknowledges messages.
func (d *desk) ack(messages ...queue.Message) {
	d.t.Helper()
	if got := d.settle(handout.Acknowledged, 0, messages...); got != handout.Acknowledged {
		d.t.Fatal(got)
	}
}

// ids are the bodies of messages.
func ids(messages []queue.Message) string {
	var out []string
	for _, m := range messages {
		out = append(out, string(m.Body))
	}
	return strings.Join(out, " ")
}

func purgeBefore(seq uint64) jetstream.StreamPurgeOpt { return jetstream.WithPurgeSequence(seq) }
