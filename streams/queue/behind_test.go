package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/topology"
)

func TestAnInstanceThatOthersLeftFarBehindHandsOutWhatIsNew(t *testing.T) {
	for _, n := range []int{1000, 3000} { // it reads on to there, or from there
		r := newRig(t)
		a, b := r.start(), r.start()
		a.pull(1, 0) // it reads from the beginning
		r.publish(1, n)
		for range n / queue.MaxMessages {
			b.ack(b.pull(queue.MaxMessages, patience)...)
		}
		r.publish(n+1, 1)
		if got := ids(a.pull(1, patience)); got != fmt.Sprint("e", n+1) {
			t.Errorf("%q behind %d", got, n)
		}
	}
}

func TestWhatAStateOfBeforeHasNotHandedOutComesAgain(t *testing.T) {
	r := newRig(t)
	r.publish(1, 3)
	a := r.start()
	if got := ids(a.pull(2, patience)); got != "e1 e2" {
		t.Fatal(got)
	}
	states, err := r.js.Stream(t.Context(), topology.BucketStream(topology.QueueState))
	if err != nil {
		t.Fatal(err)
	}
	if err := states.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ids(a.pull(3, patience)); got != "e1 e2 e3" {
		t.Errorf("%q", got)
	}
}

// A back-up of EVENTS may be older than that of the states.
func TestALogThatEndsBeforeWhatWasReadOfItIsReadFromItsEnd(t *testing.T) {
	r := newRig(t)
	r.change(inOrder)
	r.publish(1, 20)
	a := r.start()
	a.ack(a.pull(10, patience)...)
	a.pull(10, patience)
	a.stop()
	events, err := r.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.js.DeleteStream(t.Context(), topology.Events); err != nil {
		t.Fatal(err)
	}
	if _, err := r.js.CreateStream(t.Context(), events.CachedInfo().Config); err != nil {
		t.Fatal(err)
	}
	r.publish(101, 3)
	b, c := r.start(), r.start()
	b.pull(1, 0)
	r.publish(104, 2)
	got := ids(c.pull(5, patience))
	if got != "e104 e105" {
		t.Errorf("%q", got)
	}
	if gaps := r.gaps(); len(gaps) != 1 || gaps[0].After != 20 || gaps[0].First != 4 {
		t.Errorf("told %+v", gaps)
	}
}

func TestWhatWasLookedAtAndNotWantedIsNoGapWhenRetentionComesToIt(t *testing.T) {
	r := newRig(t)
	r.change(func(p *queue.Plan) { p.Match = func(e *event.Event) bool { return e.ID == "e9" } })
	events, err := r.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	var s queue.Status
	for i := range 2 { // nothing is stored at first; then for two hours
		r.publish(1+i*4, 4)
		a := r.start()
		before := s.Position
		for late := time.Now().Add(patience); s.Position == before; {
			if got := ids(a.pull(1, 0)); got != "" || time.Now().After(late) {
				t.Fatalf("%q; the position is not stored: %+v", got, s)
			}
			if s, err = a.Status(t.Context(), erp); err != nil {
				t.Fatal(err)
			}
		}
		a.stop()
		if err := events.Purge(t.Context(), purgeBefore(s.Position+1)); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		r.ahead += 2 * time.Hour
		r.mu.Unlock()
	}
	r.publish(9, 1)
	if got := ids(r.start().pull(1, patience)); got != "e9" {
		t.Fatal(got)
	}
	if got := r.gaps(); len(got) > 0 {
		t.Errorf("told %+v", got)
	}
}

func TestWhatRetentionTookOfWhatWasOutIsToldAtOnceAndHoldsUpNothing(t *testing.T) {
	const n = 4 * queue.MaxMessages
	r := newRig(t)
	r.publish(1, n)
	a := r.start()
	for range n / queue.MaxMessages {
		a.settle(handout.Released, 0, a.pull(queue.MaxMessages, patience)[0])
		r.change(func(p *queue.Plan) { p.Visibility = time.Hour })
	}
	a.stop()
	events, err := r.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.ahead = 2 * time.Hour
	r.mu.Unlock()
	b := r.start()
	r.publish(n+1, 1)
	if got := ids(b.pull(1, 0)); got != "e401" {
		t.Errorf("%q", got)
	}
	if got := r.gaps(); len(got) != 1 || got[0].After != 0 || got[0].First != n+1 {
		t.Errorf("told %+v", got)
	}
}

func TestWhatRetentionTookIsToldAlsoWhereNothingIsLeft(t *testing.T) {
	r := newRig(t)
	r.publish(1, 2)
	a := r.start()
	a.ack(a.pull(1, patience)...)
	a.stop()
	events, err := r.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ids(r.start().pull(1, 0)); got != "" {
		t.Fatal(got)
	}
	if got := r.gaps(); len(got) != 1 || got[0].After != 1 || got[0].First != 3 {
		t.Errorf("told %+v", got)
	}
}
