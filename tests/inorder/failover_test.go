//go:build unix

package inorder_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tests/harness"
)

// race is a run of two senders under load.
type race struct {
	*world
	subs    []wanted
	senders [2]*harness.Process
	done    []disruption

	// stop ends the load.
	stop func()

	mu sync.Mutex
	// held are the subscriptions with a request under way that gate holds up
	// at the door.
	held map[string]bool
	door int
	gate chan struct{}
}

// nobody is the door of no sender.
const nobody = -1

func TestATakeOverKeepsTheOrderLosesNothingAndRepeatsOneRequestOfALaneAtMost(t *testing.T) {
	r := &race{world: open(t, 2), door: nobody}
	for i := range 4 {
		r.subs = append(r.subs, wanted{owner: acme, id: fmt.Sprint("line-", i), order: "ordered"},
			wanted{owner: acme, id: fmt.Sprint("each-", i), order: "ordered_by_account"})
	}
	r.want(r.subs...)
	r.hooks.Answers(r.answer)
	r.load()
	r.senders[0], r.senders[1] = r.sender(0), r.sender(1)
	r.shared(0)

	for door := range r.senders {
		r.freeze(door)
	}
	r.kill(0)
	r.restart(0)

	r.judge()
}

// A sender that believes in its lease is refused by the epoch alone. So it is
// when the server forgets its leases, which are in memory.
func TestAFrozenSenderThatStillBelievesInItsLeaseIsRefusedByTheEpoch(t *testing.T) {
	r := &race{world: open(t, 2), door: nobody}
	for i := range 2 {
		r.subs = append(r.subs, wanted{owner: acme, id: fmt.Sprint("line-", i), order: "ordered"},
			wanted{owner: acme, id: fmt.Sprint("each-", i), order: "ordered_by_account"})
	}
	r.want(r.subs...)
	r.hooks.Answers(r.answer)
	r.load()
	const long = "WEBHOOK_LEASE=10m" // neither looks at it again in this test
	r.senders[0], r.senders[1] = r.sender(0, long), r.sender(1, long)
	r.shared(0)

	victims, release := r.hold(0)
	since := r.disrupted(0, 1)
	r.senders[0].Freeze()
	release()
	r.forgetLeases(victims)
	r.takenOver("forgot", 0, since, victims)
	r.senders[0].Thaw()
	r.logs(r.senders[0], "another instance delivers from this slot")
	r.judge()
}

// judge ends the load and holds what came of it to the judges.
func (r *race) judge() {
	r.t.Helper()
	r.stop()
	e := &evidence{course: r.course(r.subs...), disruptions: r.done}
	want := 0
	for _, steps := range e.course {
		want += len(steps)
	}
	got := r.hooks.Until(r.t, "everything", func(got []harness.Hook) bool { return distinct(got) >= want })
	e.came = r.arrivals(got, r.subs...)
	e.records = r.records(e.came, r.subs...)
	r.t.Logf("%d deliveries in %d lanes, %d webhooks, %d records, %d disruptions", want, len(e.course), len(e.came), len(e.records), len(e.disruptions))
	for name, judge := range judges() {
		if err := judge(e); err != nil {
			r.t.Errorf("%s: %v", name, err)
		}
	}
}

// forgetLeases has the server forget all leases of the sender that has these
// subscriptions.
func (r *race) forgetLeases(victims map[string]bool) {
	r.t.Helper()
	kv, err := r.js.KeyValue(r.t.Context(), topology.Leases)
	if err != nil {
		r.t.Fatal(err)
	}
	keys, err := kv.Keys(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	holders, mine := map[string]string{}, map[string]bool{}
	for _, key := range keys {
		e, err := kv.Get(r.t.Context(), key)
		if err != nil {
			continue // given back meanwhile
		}
		holders[key] = string(e.Value())
	}
	for _, sub := range r.subs {
		if victims[sub.path()] {
			slot := series.Key{Channel: delivery.Webhook, Owner: sub.owner, Subscription: sub.id}.Slot()
			mine[holders[fmt.Sprint("webhook-sender.slot.", slot)]] = true
		}
	}
	stream, err := r.js.Stream(r.t.Context(), topology.BucketStream(topology.Leases))
	if err != nil {
		r.t.Fatal(err)
	}
	for key, holder := range holders {
		if !mine[holder] {
			continue
		}
		if err := stream.Purge(r.t.Context(), jetstream.WithPurgeSubject(topology.BucketKey(topology.Leases, key))); err != nil {
			r.t.Fatal(err)
		}
	}
}

// logs waits until a sender has logged something.
func (r *race) logs(p *harness.Process, what string) {
	r.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	late := time.After(time.Minute)
	for !strings.Contains(p.Log(), what) {
		select {
		case <-look.C:
		case <-late:
			r.t.Fatalf("never logged: %s", what)
		}
	}
}

// distinct is how many deliveries the receiver has accepted.
func distinct(got []harness.Hook) int {
	ids := map[string]bool{}
	for _, g := range got {
		if g.Accepted {
			ids[g.ID] = true
		}
	}
	return len(ids)
}

// load publishes events until it is stopped, as long as not too many wait: a slow
// machine would never be done with what comes meanwhile.
func (r *race) load() {
	const accounts, most = 5, 4000
	done, ended := make(chan struct{}), make(chan struct{})
	r.stop = sync.OnceFunc(func() { close(done); <-ended })
	r.t.Cleanup(r.stop)
	go func() {
		defer close(ended)
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for i := 0; ; i++ {
			for i*len(r.subs)-len(r.hooks.Got()) > most {
				select {
				case <-done:
					return
				case <-pace.C:
				}
			}
			if _, err := r.tryPublish(acme, fmt.Sprint("A-", i%accounts)); err != nil {
				r.t.Errorf("publish: %v", err)
				return
			}
			select {
			case <-done:
				return
			case <-pace.C:
			}
		}
	}()
}

// answer holds up the requests at the door that is to be disrupted. All are
// accepted in the end.
func (r *race) answer(h harness.Hook) harness.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.Door != r.door {
		return harness.Answer{}
	}
	r.held[h.Path] = true
	return harness.Answer{Hold: r.gate}
}

// hold has every subscription that comes to a door stand there with a request
// under way, and returns those and how to let go.
func (r *race) hold(door int) (held map[string]bool, release func()) {
	r.t.Helper()
	gate := make(chan struct{})
	release = sync.OnceFunc(func() {
		r.mu.Lock()
		r.door = nobody
		r.mu.Unlock()
		close(gate)
	})
	r.t.Cleanup(release)
	r.mu.Lock()
	r.held, r.door, r.gate = map[string]bool{}, door, gate
	r.mu.Unlock()
	r.hooks.Until(r.t, "requests to be held", func(got []harness.Hook) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.held) == len(r.servedAt(door, got))
	})
	return r.held, release
}

// servedAt are the subscriptions whose newest webhook came to a door.
func (r *race) servedAt(door int, got []harness.Hook) map[string]bool {
	at := map[string]bool{}
	for _, g := range got {
		if delete(at, g.Path); g.Door == door {
			at[g.Path] = true
		}
	}
	return at
}

// shared waits until both senders have a fair share since some webhook.
func (r *race) shared(since int) {
	r.t.Helper()
	r.hooks.Until(r.t, "both senders to have a share", func(got []harness.Hook) bool {
		least := len(r.subs)/2 - 1
		got = got[min(since, len(got)):]
		return len(r.servedAt(0, got)) >= least && len(r.servedAt(1, got)) >= least
	})
}

// disrupted notes what was done to the sender of a door, before what comes now.
func (r *race) disrupted(door, repeats int) (since int) {
	since = len(r.hooks.Got())
	r.done = append(r.done, disruption{at: since, door: door, repeats: repeats})
	return since
}

// takenOver waits until the other sender has delivered some of everything that
// came to a door, and says how long nothing of it came.
func (r *race) takenOver(what string, door, since int, victims map[string]bool) {
	r.t.Helper()
	const some = 5
	began := time.Now()
	got := r.hooks.Until(r.t, "a take-over", func(got []harness.Hook) bool {
		n := map[string]int{}
		for _, g := range got[since:] {
			if g.Door != door {
				n[g.Path]++
			}
		}
		for path := range victims {
			if n[path] < some {
				return false
			}
		}
		return true
	})
	first := map[string]time.Duration{}
	for _, g := range got[since:] {
		if _, seen := first[g.Path]; !seen && victims[g.Path] && g.Door != door {
			first[g.Path] = g.At.Sub(began)
		}
	}
	for path, after := range first {
		r.t.Logf("%s sender %d: %s goes on after %s", what, door, path, after.Round(10*time.Millisecond))
	}
}

// freeze has a sender stand still past its lease, with a request under way in
// its lanes that is answered meanwhile.
func (r *race) freeze(door int) {
	r.t.Helper()
	victims, release := r.hold(door)
	since := r.disrupted(door, 1)
	r.senders[door].Freeze()
	release()
	r.takenOver("froze", door, since, victims)
	thawed := len(r.hooks.Got())
	r.senders[door].Thaw()
	r.shared(thawed)
}

// kill ends a sender at once, and starts another one at its door.
func (r *race) kill(door int) {
	r.t.Helper()
	victims := r.servedAt(door, r.hooks.Got())
	since := r.disrupted(door, 1)
	r.senders[door].Kill()
	r.takenOver("killed", door, since, victims)
	next := len(r.hooks.Got())
	r.senders[door] = r.sender(door)
	r.shared(next)
}

// restart ends a sender in order, which excuses no repeat.
func (r *race) restart(door int) {
	r.t.Helper()
	victims := r.servedAt(door, r.hooks.Got())
	since := r.disrupted(door, 0)
	r.senders[door].Stop()
	r.takenOver("stopped", door, since, victims)
}
