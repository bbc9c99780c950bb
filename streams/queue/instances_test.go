package queue_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/topology"
)

// until pulls at an instance until it is handed something.
func (d *desk) until(most int) string {
	d.t.Helper()
	for late := time.Now().Add(patience); ; {
		if got := ids(d.pull(most, 0)); got != "" || time.Now().After(late) {
			return got
		}
	}
}

// An instance of which nothing is out, as far as it knows, never looked again.
func TestWhatAnotherInstanceHandedOutByAnEarlierFilterComesAgainWhereItIsNotWanted(t *testing.T) {
	r := newRig(t)
	a, b := r.start(), r.start()
	r.publish(1, 1)
	a.ack(a.pull(1, patience)...) // it knows that nothing is out
	r.publish(2, 1)
	first := b.pull(1, patience)
	r.change(func(p *queue.Plan) { p.Match = func(*event.Event) bool { return false } })
	b.settle(handout.Released, 0, first...)
	b.stop()
	if got := a.until(1); got != "e2" {
		t.Errorf("%q", got)
	}
}

func TestWhatAStateOfBeforeHasNotHandedOutComesAgainThoughNothingNewDoes(t *testing.T) {
	r := newRig(t)
	r.publish(1, 2)
	a := r.start()
	a.ack(a.pull(2, patience)...)
	states, err := r.js.Stream(t.Context(), topology.BucketStream(topology.QueueState))
	if err != nil {
		t.Fatal(err)
	}
	if err := states.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.until(2); got != "e1 e2" {
		t.Errorf("%q", got)
	}
}

// overtaken publishes ten events, of which retention removes the first five.
func (r *rig) overtaken() {
	r.t.Helper()
	r.publish(1, 10)
	events, err := r.js.Stream(r.t.Context(), topology.Events)
	if err == nil {
		err = events.Purge(r.t.Context(), purgeBefore(6))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestAGapThatTwoInstancesFindIsToldOnce(t *testing.T) {
	r := newRig(t)
	r.overtaken()
	a, b := r.start(), r.start()
	found, stored := make(chan struct{}), make(chan struct{})
	var second atomic.Bool
	r.render = func(*event.Event) {
		if !second.Swap(true) {
			close(found)
			<-stored
		}
	}
	got := make(chan string, 1)
	go func() { got <- ids(a.pull(1, patience)) }()
	<-found
	if got := ids(b.pull(1, patience)); got != "e6" {
		t.Error(got)
	}
	close(stored)
	if got := <-got; got != "e7" {
		t.Error(got)
	}
	if gaps := r.gaps(); len(gaps) != 1 {
		t.Errorf("told %+v", gaps)
	}
}

// Who dies between the two told it to nobody.
func TestAGapIsToldBeforeItIsStored(t *testing.T) {
	r := newRig(t)
	r.overtaken()
	a := r.start()
	r.tell = func(handout.Gap) {
		if s, err := a.Status(t.Context(), erp); err != nil || s.Gap.First != 0 {
			t.Errorf("it is stored: %+v %v", s, err)
		}
	}
	if got := ids(a.pull(1, patience)); got != "e6" || len(r.gaps()) != 1 {
		t.Errorf("%s, told %+v", got, r.gaps())
	}
}

// Two hundred events of the greatest size would be 50 MiB for each queue in use.
func TestWhatIsReadAheadIsBoundedByItsBytes(t *testing.T) {
	const n, size = 100, 64 << 10
	r := newRig(t, natstest.WithMaxPayload(4<<20))
	r.pace.Linger = time.Hour // who waits for more than there is room for waits for ever
	r.publish(1, n, func(e *event.Event) { e.Data["Invoice.Title"] = event.Str(strings.Repeat("x", size)) })
	a := r.start()
	if got := a.pull(queue.MaxMessages, patience); len(got) == 0 || len(got) > queue.MaxBytes/size {
		t.Fatalf("%d events", len(got))
	}
	events, err := r.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	for c := range events.ListConsumers(t.Context()).Info() {
		// What two answers hold, and what is on its way.
		if read, most := c.Delivered.Stream, uint64(2*queue.MaxBytes/size+8+32); read > most {
			t.Errorf("%d events were read of %d, more than %d", read, n, most)
		}
	}
}
