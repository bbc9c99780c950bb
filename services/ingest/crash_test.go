package ingest_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/topology"
)

// crash returns options under which an instance is cut off from the broker, as
// if killed, when it has passed a fault point so many times, and the channel
// that is closed then.
func crash(point string, times int64) (options, <-chan struct{}) {
	var passed atomic.Int64
	var cut func()
	dead := make(chan struct{})
	o := options{}
	o.connected = func(js jetstream.JetStream) { cut = js.Conn().Close }
	o.fault = func(at string) {
		if at == point && passed.Add(1) == times {
			cut()
			close(dead)
		}
	}
	return o, dead
}

func TestOrderOfEveryAccountHoldsOverCrashes(t *testing.T) {
	const each, owners = 1000, 2
	r := newRig(t)
	r.put(topology.Owners, "globex", owner.Owner{ID: "globex", Name: "Globex"})
	var publishing sync.WaitGroup
	for _, name := range []string{"acme", "globex"} {
		publishing.Go(func() {
			for i := range each {
				body := strings.Replace(plain(fmt.Sprintf("e%d", i)), "A-1", fmt.Sprintf("A-%d", i%3), 1)
				r.publish(posted(name), []byte(body), nil)
			}
		})
	}
	small := func(c *ingest.Config) { c.Batch = 20 }
	r.start(options{cfg: func(c *ingest.Config) { c.Batch = 1 }}).stop()
	for round, point := range []string{cursor.FaultPublished, cursor.FaultPublished, cursor.FaultPublished, cursor.FaultCheckpoint} {
		o, dead := crash(point, int64(1+round%3))
		o.cfg = small
		in := r.launch(o)
		select {
		case <-dead:
		case <-time.After(patience):
			t.Fatalf("round %d: never came to %s", round, point)
		}
		in.stop()
	}
	// The rest is taken in by two instances at once.
	r.start(options{cfg: small})
	r.start(options{cfg: small})
	publishing.Wait()
	next := map[string]int{}
	for _, e := range r.events(each * owners) {
		if want := fmt.Sprintf("e%d", next[e.Owner]); e.ID != want {
			t.Fatalf("%s: %s came where %s was due", e.Owner, e.ID, want)
		}
		next[e.Owner]++
	}
	if n := r.count(topology.Events); n != each*owners {
		t.Errorf("%d events of %d", n, each*owners)
	}
}

func TestExactlyOnceWithoutTheHelpOfTheDuplicateWindow(t *testing.T) {
	r := newRig(t)
	// Ids fall out of the window at once, so only the position can tell.
	s, err := r.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.Duplicates = 100 * time.Millisecond
	if _, err := r.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		r.publish(posted("acme"), []byte(plain(fmt.Sprintf("e%d", i))), nil)
	}
	o, dead := crash(cursor.FaultPublished, 2)
	o.cfg = func(c *ingest.Config) { c.Batch = 30 }
	in := r.launch(o)
	<-dead
	in.stop()
	r.start(options{})
	for i, e := range r.events(100) {
		if e.ID != fmt.Sprintf("e%d", i) {
			t.Fatalf("event %d is %s", i, e.ID)
		}
	}
	r.stored(100)
	if n := r.count(topology.Events); n != 100 {
		t.Errorf("%d events", n)
	}
}

func TestWorkGoesOnAfterTheBrokerRestarts(t *testing.T) {
	r := newRig(t)
	in := r.start(options{})
	for i := range 50 {
		r.publish(posted("acme"), []byte(plain(fmt.Sprintf("e%d", i))), nil)
	}
	r.server.Restart(t)
	for i := range 50 {
		r.publish(posted("acme"), []byte(plain(fmt.Sprintf("e%d", 50+i))), nil)
	}
	r.eventually("HTTP works again", func() bool {
		w := r.post(in, "/v1/owners/acme/events", `{"type":"invoice.posted",`+plain("http")[1:], nil)
		return w.Code == 202
	})
	seen := map[string]int{}
	last := -1
	for _, e := range r.events(101) {
		seen[e.ID]++
		if n := number(e); n >= 0 && n <= last {
			t.Errorf("%s behind e%d", e.ID, last)
		} else if n >= 0 {
			last = n
		}
	}
	if len(seen) != 101 || r.count(topology.Events) != 101 {
		t.Errorf("%d ids, %d events", len(seen), r.count(topology.Events))
	}
}

// number returns the number in an id, -1 where there is none.
func number(e *event.Event) int {
	n := -1
	_, _ = fmt.Sscanf(e.ID, "e%d", &n)
	return n
}

func TestInboxOutOfReachIsAnsweredWithTryAgain(t *testing.T) {
	r := newRig(t)
	in := r.start(options{})
	in.stop()
	w := r.post(in, "/v1/owners/acme/events", `{"type":"invoice.posted",`+plain("e1")[1:], nil)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestFullInboxIsAnsweredWithTryAgainAndTakesEventsLater(t *testing.T) {
	r := newRig(t)
	s, err := r.js.Stream(t.Context(), topology.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = 100
	if _, err := r.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	in := r.start(options{})
	one := func(id string) string { return `{"type":"invoice.posted",` + plain(id)[1:] }
	for _, body := range []string{one("e1"), "[" + one("e2") + "," + one("e3") + "," + one("e4") + "]"} {
		if w := r.post(in, "/v1/owners/acme/events", body, nil); w.Code != 503 {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	cfg.MaxBytes = 1 << 20
	if _, err := r.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if w := r.post(in, "/v1/owners/acme/events", one("e1"), nil); w.Code != 202 {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	r.events(1)
}

func TestBatchOverHTTPKeepsItsOrder(t *testing.T) {
	r := newRig(t)
	in := r.start(options{})
	var lines strings.Builder
	for i := range 1000 {
		lines.WriteString(`{"type":"invoice.posted",` + plain(fmt.Sprintf("e%d", i))[1:] + "\n")
	}
	w := r.post(in, "/v1/owners/acme/events", lines.String(), map[string]string{"Content-Type": "application/x-ndjson"})
	if w.Code != 202 || !strings.Contains(w.Body.String(), `"accepted":1000`) {
		t.Fatalf("answered %d %.200s", w.Code, w.Body)
	}
	for i, e := range r.events(1000) {
		if number(e) != i {
			t.Fatalf("event %d is %s", i, e.ID)
		}
	}
}
