package cursor_test

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

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
		return 620
	default:
		return n % 4
	}
}

func propertyHandler() handler {
	return handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		steps := make([]cursor.Step, len(msgs))
		for i, m := range msgs {
			steps[i].Outputs = fanned(string(m.Data), fanOf(string(m.Data)))
		}
		return steps, nil
	}}
}

// TestOutputsAreExactlyOnceAndInOrderWhateverHappens lets several instances
// start, stop, die at fault points and lose their lease to each other without
// knowing, and the broker restart.
func TestOutputsAreExactlyOnceAndInOrderWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		var running []*instance
		published := 0
		points := []string{cursor.FaultPublished, cursor.FaultBatch, cursor.FaultCheckpoint}
		rt.Repeat(map[string]func(*rapid.T){
			"publish": func(rt *rapid.T) {
				n := rapid.IntRange(1, 40).Draw(rt, "messages")
				r.publish("src.a", bodies(published+1, published+n)...)
				published += n
			},
			"start": func(rt *rapid.T) {
				if len(running) == 3 {
					rt.Skip("enough instances")
				}
				batch := rapid.SampledFrom([]int{1, 7, 500}).Draw(rt, "batch")
				running = append(running, r.start(propertyHandler(), func(c *cursor.Config) { c.BatchMax = batch }))
			},
			"start one that dies": func(rt *rapid.T) {
				var doomed *instance
				assigned := make(chan struct{})
				point := rapid.SampledFrom(points).Draw(rt, "point")
				nth := rapid.Int32Range(1, 5).Draw(rt, "nth")
				h := propertyHandler()
				h.begin = func(context.Context, *cursor.Session) error { <-assigned; return nil }
				doomed = r.start(h, dieAt(&doomed, point, nth))
				close(assigned)
				running = append(running, doomed)
			},
			"stop": func(rt *rapid.T) {
				if len(running) == 0 {
					rt.Skip("nobody runs")
				}
				running[0].halt()
				running = running[1:]
			},
			"kill": func(rt *rapid.T) {
				if len(running) == 0 {
					rt.Skip("nobody runs")
				}
				running[len(running)-1].kill()
				running = running[:len(running)-1]
			},
			"a lease ends unnoticed": func(*rapid.T) { r.expireLease() },
			"the broker restarts": func(rt *rapid.T) {
				if rapid.IntRange(0, 3).Draw(rt, "dice") > 0 {
					rt.Skip("not now")
				}
				r.restart()
			},
		})
		for _, i := range running {
			i.halt()
		}
		r.expireLease()
		r.finish(rt, published)
	})
}

// restart restarts the broker and waits until the leases are back.
func (r *rig) restart() {
	r.t.Helper()
	r.srv.Restart(r.t)
	r.restoreLeases()
}

// finish lets one more instance do the rest, and compares.
func (r *rig) finish(rt *rapid.T, published int) {
	last := r.start(propertyHandler())
	r.eventually("all is handled", func() bool { return r.position() >= uint64(published) })
	last.halt()
	var want []string
	for _, b := range bodies(1, published) {
		want = append(want, fannedBodies(b, fanOf(b))...)
	}
	got := r.written()
	r.srv.Stop()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		rt.Fatalf("%d outputs, want %d; they part at %s", len(got), len(want), parting(got, want))
	}
}

func parting(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%d: got %v, want %v", i, got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
		}
	}
	return "the end of the shorter"
}
