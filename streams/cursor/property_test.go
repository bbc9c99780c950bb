package cursor_test

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/cursor"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		// Every check runs a server of its own.
		if err := f.Value.Set("12"); err != nil {
			panic(err)
		}
	}
	// A server that stops in the middle of a batch leaves the store in which it
	// staged it.
	const server = "github.com/nats-io/nats-server/v2/server"
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction(server+".(*msgBlock).flushLoop"),
		goleak.IgnoreTopFunction(server+".(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction(server+"/ats.Register.func1"),
	)
}

// fanOf is how many outputs the property's handler makes of a message: none,
// some, or more than fit a batch.
func fanOf(body string) int {
	n, err := strconv.Atoi(body)
	switch {
	case err != nil:
		return 0
	case n%17 == 5:
		return 1120
	default:
		return n % 4
	}
}

// propertyHandler makes the outputs of each message under its key. It now and
// then stores the checkpoint amid its work, and begins with an output that
// belongs to no message.
func propertyHandler() handler {
	return handler{
		begin: func(ctx context.Context, s *cursor.Session) error {
			return s.Write(ctx, []cursor.Output{output("loose")})
		},
		handle: func(ctx context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
			steps := make([]cursor.Step, len(msgs))
			for i, m := range msgs {
				steps[i].Outputs = fanned(string(m.Data), fanOf(string(m.Data)))
				for j := range steps[i].Outputs {
					steps[i].Outputs[j].Subject = "out.1." + keyOf(m.Subject)
				}
			}
			if msgs[0].Seq%5 == 0 {
				return steps, s.Checkpoint(ctx)
			}
			return steps, nil
		},
	}
}

// keyOf is the key of a message of the tests: the rest of its subject.
func keyOf(subject string) string { return strings.TrimPrefix(subject, "src.") }

// apart tells the messages of the tests apart by their keys.
func apart(c *cursor.Config) {
	c.Lanes = &cursor.Lanes{Key: keyOf, Filter: func(key string) string { return "src." + key }, Linger: 3 * time.Millisecond}
}

// TestOutputsAreExactlyOnceAndInOrderWhateverHappens lets several instances
// start, stop, die at fault points and lose their lease to each other without
// knowing, and the broker restart, while the source is purged behind the stored
// position, as INBOX is.
func TestOutputsAreExactlyOnceAndInOrderWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { newWorld(t, rt, []string{"a"}, func(*cursor.Config) {}).run() })
}

// TestKeysThatLagKeepTheirOrderAndLoseNothingWhateverHappens does the same
// with messages of several keys, any of which is set aside as soon as it can be.
func TestKeysThatLagKeepTheirOrderAndLoseNothingWhateverHappens(t *testing.T) {
	var n count
	rapid.Check(t, func(rt *rapid.T) {
		spread := rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(rt, "spread")
		// Of the first, what comes while nothing has gathered is a flood too.
		least := rapid.SampledFrom([]float64{1, 1000}).Draw(rt, "least")
		newWorld(t, rt, []string{"a", "b", "c", "d"}, func(c *cursor.Config) {
			apart(c)
			c.Lanes.Spread, c.Lanes.Least = spread, least
			n.counted(c)
		}).run()
	})
	t.Logf("keys were set aside %d times and taken back %d times", n.aside.Load(), n.back.Load())
	// The few checks of a short run may well have none.
	if !testing.Short() && (n.aside.Load() == 0 || n.back.Load() == 0) {
		t.Error("no key lagged and caught up")
	}
}

// world is one run of the property.
type world struct {
	*rig
	rt        *rapid.T
	keys      []string
	change    func(*cursor.Config)
	running   []*instance
	published map[string][]string // bodies by key
	count     int
}

func newWorld(t *testing.T, rt *rapid.T, keys []string, change func(*cursor.Config)) *world {
	purged := func(c *cursor.Config) {
		c.Look, c.Purged = 2*time.Millisecond, true
		change(c)
	}
	return &world{rig: newRig(t), rt: rt, keys: keys, change: purged, published: map[string][]string{}}
}

func (w *world) run() {
	w.rt.Repeat(map[string]func(*rapid.T){
		"publish":                w.publishSome,
		"flood":                  w.flood,
		"start":                  w.startOne,
		"start one that dies":    w.startDoomed,
		"stop":                   w.stopOne,
		"kill":                   w.killOne,
		"purge":                  func(*rapid.T) { w.purge() },
		"a lease ends unnoticed": func(*rapid.T) { w.expireLease() },
		"the broker restarts": func(rt *rapid.T) {
			if rapid.IntRange(0, 3).Draw(rt, "dice") > 0 {
				rt.Skip("not now")
			}
			w.restart()
		},
	})
	for _, i := range w.running {
		i.halt()
	}
	w.expireLease()
	w.finish()
}

// purge removes what nobody reads again.
func (w *world) purge() {
	if at := w.position(); at > 0 {
		str, err := w.js.Stream(w.ctx(), source)
		w.must(err)
		w.must(str.Purge(w.ctx(), jetstream.WithPurgeSequence(at+1)))
	}
}

func (w *world) publishSome(rt *rapid.T) {
	w.more(rapid.SampledFrom(w.keys).Draw(rt, "key"), rapid.IntRange(1, 40).Draw(rt, "messages"))
}

// flood publishes much of one key between others.
func (w *world) flood(rt *rapid.T) {
	for _, key := range w.keys {
		w.more(key, 1)
	}
	w.more(rapid.SampledFrom(w.keys).Draw(rt, "key"), 24)
	for _, key := range w.keys {
		w.more(key, 1)
	}
}

// more publishes messages of a key.
func (w *world) more(key string, messages int) {
	for range messages {
		w.count++
		body := strconv.Itoa(w.count)
		w.publish("src."+key, body)
		w.published[key] = append(w.published[key], body)
	}
}

func (w *world) startOne(rt *rapid.T) {
	if len(w.running) == 3 {
		rt.Skip("enough instances")
	}
	batch := rapid.SampledFrom([]int{1, 7, 500}).Draw(rt, "batch")
	w.running = append(w.running, w.start(propertyHandler(), func(c *cursor.Config) { c.BatchMax = batch }, w.change))
}

func (w *world) startDoomed(rt *rapid.T) {
	points := []string{cursor.FaultPublished, cursor.FaultBatch, cursor.FaultCheckpoint, cursor.FaultAside, cursor.FaultBack}
	var doomed *instance
	assigned := make(chan struct{})
	point := rapid.SampledFrom(points).Draw(rt, "point")
	nth := rapid.Int32Range(1, 12).Draw(rt, "nth")
	h := propertyHandler()
	begin := h.begin
	h.begin = func(ctx context.Context, s *cursor.Session) error {
		<-assigned
		return begin(ctx, s)
	}
	batch := rapid.SampledFrom([]int{1, 8, 500}).Draw(rt, "batch")
	doomed = w.start(h, dieAt(&doomed, point, nth), func(c *cursor.Config) { c.BatchMax = batch }, w.change)
	close(assigned)
	w.running = append(w.running, doomed)
}

func (w *world) stopOne(rt *rapid.T) {
	if len(w.running) == 0 {
		rt.Skip("nobody runs")
	}
	w.running[0].halt()
	w.running = w.running[1:]
}

func (w *world) killOne(rt *rapid.T) {
	if len(w.running) == 0 {
		rt.Skip("nobody runs")
	}
	w.running[len(w.running)-1].kill()
	w.running = w.running[:len(w.running)-1]
}

// restart restarts the broker and waits until the leases are back.
func (r *rig) restart() {
	r.t.Helper()
	r.srv.Restart(r.t)
	r.restoreLeases()
}

// finish lets one more instance do the rest, and compares key by key.
func (w *world) finish() {
	want := map[string][]string{}
	for key, all := range w.published {
		for _, b := range all {
			want[key] = append(want[key], fannedBodies(b, fanOf(b))...)
		}
	}
	batch := rapid.SampledFrom([]int{4, 1000}).Draw(w.rt, "batch")
	last := w.start(propertyHandler(), func(c *cursor.Config) { c.BatchMax = batch }, w.change)
	w.eventually("all is written", func() bool {
		if !last.Held() {
			// What one that was killed had asked for may have been granted since.
			w.expireLease()
		}
		return w.has(want)
	})
	last.halt()
	got, gaps := w.writtenByKey(), w.gaps()
	w.srv.Stop()
	if len(gaps) > 0 {
		w.rt.Fatalf("gaps recorded: %+v", gaps)
	}
	for key := range want {
		if got, want := got[key], want[key]; strings.Join(got, " ") != strings.Join(want, " ") {
			w.rt.Fatalf("%s: %d outputs, want %d; they part at %s", key, len(got), len(want), parting(got, want))
		}
	}
}

// has reports whether the sink has as many outputs of each key, or more.
func (w *world) has(want map[string][]string) bool {
	str, err := w.js.Stream(w.ctx(), sink)
	w.must(err)
	info, err := str.Info(w.ctx(), jetstream.WithSubjectFilter(sinkFilter))
	w.must(err)
	for key, all := range want {
		if info.State.Subjects["out.1."+key] < uint64(len(all)) {
			return false
		}
	}
	return true
}

func parting(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%d: got %v, want %v", i, got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
		}
	}
	return "the end of the shorter"
}
