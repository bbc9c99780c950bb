package queue_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/topology"
)

func inOrder(p *queue.Plan) { p.InOrder = true }

func TestInOrderTheNextIsHandedOutWhenTheLastIsAcknowledgedWhereverThatWas(t *testing.T) {
	r := newRig(t)
	r.change(inOrder)
	r.publish(1, 5)
	a, b := r.start(), r.start()
	first := a.pull(2, 0)
	if got := ids(first); got != "e1 e2" {
		t.Fatal(got)
	}
	if got := ids(b.pull(5, 0)); got != "" {
		t.Fatalf("%s while others have the first", got)
	}
	b.ack(first[1])
	waiting := make(chan string, 1)
	go func() { waiting <- ids(b.pull(5, patience)) }()
	a.ack(first[0])
	if got := <-waiting; got != "e3 e4 e5" {
		t.Fatal(got)
	}
}

func TestWhatIsNotAcknowledgedComesAgainAfterItsTimeBeforeWhatIsNew(t *testing.T) {
	r := newRig(t)
	r.change(func(p *queue.Plan) { p.InOrder, p.Visibility = true, 50*time.Millisecond })
	r.publish(1, 5)
	a, b := r.start(), r.start()
	first := a.pull(3, 0)
	a.ack(first[1])
	again := b.pull(3, patience)
	if got := ids(again); got != "e1 e3 e4" {
		t.Fatal(got)
	}
	if again[0].Times != 2 || again[2].Times != 1 || again[0].Seq != first[0].Seq {
		t.Errorf("%+v", again)
	}
	if got := a.settle(handout.Acknowledged, 0, first[0]); got != handout.Expired {
		t.Errorf("a receipt of before: %s", got)
	}
}

func TestOutOfOrderReadersDoNotWaitForOneAnother(t *testing.T) {
	r := newRig(t)
	r.publish(1, 5)
	a, b := r.start(), r.start()
	first := a.pull(2, 0)
	second := b.pull(2, 0)
	if got := ids(first) + " " + ids(second); got != "e1 e2 e3 e4" {
		t.Fatal(got)
	}
	if got := b.settle(handout.Released, 0, first[0]); got != handout.Released {
		t.Fatal(got)
	}
	if got := ids(a.pull(5, 0)); got != "e1 e5" {
		t.Errorf("after one was given back: %s", got)
	}
}

func TestWhoWaitsGetsWhatHappens(t *testing.T) {
	r := newRig(t)
	a := r.start()
	got := make(chan string, 1)
	go func() { got <- ids(a.pull(5, patience)) }()
	r.publish(1, 1)
	if got := <-got; got != "e1" {
		t.Error(got)
	}
	began := time.Now()
	if got := ids(a.pull(5, 50*time.Millisecond)); got != "" || time.Since(began) < 50*time.Millisecond {
		t.Errorf("%q after %s", got, time.Since(began))
	}
}

func TestWhoHasExtendedOrReleasedOneDecidesWhenItComesAgain(t *testing.T) {
	r := newRig(t)
	r.change(func(p *queue.Plan) { p.Visibility = 300 * time.Millisecond })
	r.publish(1, 2)
	a := r.start()
	first := a.pull(2, 0)
	if got := a.settle(handout.Extended, time.Hour, first[0]); got != handout.Extended {
		t.Fatal(got)
	}
	if got := a.settle(handout.Released, 400*time.Millisecond, first[1]); got != handout.Released {
		t.Fatal(got)
	}
	began := time.Now()
	if got := ids(a.pull(5, patience)); got != "e2" || time.Since(began) < 300*time.Millisecond {
		t.Errorf("%s after %s", got, time.Since(began))
	}
	if got := a.settle(handout.Extended, time.Hour, first[1]); got != handout.Expired {
		t.Errorf("one that was given back: %s", got)
	}
}

func TestReceiptsThatAreNoneAreUnknownAndDoneOnesStayDone(t *testing.T) {
	r := newRig(t)
	r.publish(1, 1)
	a := r.start()
	m := a.pull(1, 0)[0]
	a.ack(m)
	a.ack(m)
	r.change(func(p *queue.Plan) { p.Incarnation = "2" })
	for _, text := range []string{"", "x", m.Receipt, m.Receipt + "A", strings.Repeat("A", 27), strings.Repeat("!", 27)} {
		if got := a.settle(handout.Acknowledged, 0, queue.Message{Receipt: text}); got != handout.Unknown {
			t.Errorf("%q: %s", text, got)
		}
	}
	if got := ids(a.pull(1, 0)); got != "e1" {
		t.Errorf("another queue of the name begins with %s", got)
	}
}

func TestAnAnswerIsBoundedByItsBytesAndHasOneEventAtLeast(t *testing.T) {
	r := newRig(t, natstest.WithMaxPayload(4<<20))
	large := func(n int) func(*event.Event) {
		return func(e *event.Event) { e.Data["Invoice.Title"] = event.Str(strings.Repeat("x", n)) }
	}
	r.publish(1, 3, large(queue.MaxBytes/3))
	r.publish(4, 1, large(queue.MaxBytes-1))
	a := r.start()
	for _, want := range []int{2, 1, 1} {
		got := a.pull(100, patience)
		if len(got) != want {
			t.Errorf("%d events, want %d", len(got), want)
		}
		a.settle(handout.Released, time.Hour, got...)
	}
}

func TestWhatTheFilterLeavesOutIsPassedAndAChangedOneCountsForWhatIsNew(t *testing.T) {
	r := newRig(t)
	only := func(id string) func(*queue.Plan) {
		return func(p *queue.Plan) { p.Match = func(e *event.Event) bool { return e.ID == id } }
	}
	r.change(only("e3"))
	r.publish(1, 4)
	r.publish(5, 1, func(e *event.Event) { e.Type = "other" })
	a := r.start()
	got := a.pull(5, 0)
	if ids(got) != "e3" {
		t.Fatal(ids(got))
	}
	waiting := make(chan string, 1)
	go func() { waiting <- ids(a.pull(5, patience)) }()
	r.change(only("e6"))
	r.publish(6, 1)
	if got := <-waiting; got != "e6" {
		t.Fatal(got)
	}
}

func TestWhatWasReadAheadIsJudgedByTheQueueAsItIs(t *testing.T) {
	r := newRig(t)
	r.publish(1, 3)
	r.publish(4, 1, func(e *event.Event) { e.Type = "invoice.paid" })
	a := r.start()
	if got := ids(a.pull(1, 0)); got != "e1" {
		t.Fatal(got)
	}
	r.change(func(p *queue.Plan) {
		p.Filters = p.Filters[1:]
		p.Match = func(e *event.Event) bool { return e.Type == "invoice.paid" }
	})
	if got := ids(a.pull(5, 0)); got != "e4" {
		t.Errorf("behind the change: %s", got)
	}
}

func TestAnInactiveQueueHandsOutNothingAndLosesNothing(t *testing.T) {
	r := newRig(t)
	r.publish(1, 2)
	a := r.start()
	first := a.pull(1, 0)
	r.change(func(p *queue.Plan) { p.Active = false })
	if got := ids(a.pull(1, 0)); got != "" {
		t.Fatal(got)
	}
	a.ack(first...)
	waiting := make(chan string, 1)
	go func() { waiting <- ids(a.pull(5, patience)) }()
	r.change(func(p *queue.Plan) { p.Active = true })
	if got := <-waiting; got != "e2" {
		t.Fatal(got)
	}
}

func TestWhoWaitsForAQueueThatIsDeletedIsTold(t *testing.T) {
	r := newRig(t)
	a := r.start()
	failed := make(chan error, 1)
	go func() {
		_, err := a.Pull(t.Context(), erp, 1, patience)
		failed <- err
	}()
	r.change(nil)
	if err := <-failed; !errors.Is(err, queue.ErrGone) {
		t.Error(err)
	}
	if _, err := a.Settle(t.Context(), erp, nil); !errors.Is(err, queue.ErrGone) {
		t.Error(err)
	}
	if _, err := a.Status(t.Context(), erp); !errors.Is(err, queue.ErrGone) {
		t.Error(err)
	}
}

func TestWhoWaitsIsAnsweredAtOnceWhenTheDeskCloses(t *testing.T) {
	r := newRig(t)
	a := r.start()
	got := make(chan error, 1)
	go func() {
		messages, err := a.Pull(t.Context(), erp, 1, time.Hour)
		if len(messages) > 0 {
			err = errors.New("it got events")
		}
		got <- err
	}()
	a.waits(1)
	a.stop()
	if err := <-got; err != nil {
		t.Error(err)
	}
	if _, err := a.Pull(t.Context(), erp, 1, 0); !errors.Is(err, queue.ErrClosed) {
		t.Error(err)
	}
}

// waits waits until so many requests do.
func (d *desk) waits(n int) {
	d.t.Helper()
	until := time.Now().Add(patience)
	for d.Waiting("acme") < n {
		if time.Now().After(until) {
			d.t.Fatalf("%d wait", d.Waiting("acme"))
		}
		runtime.Gosched()
	}
}

func TestTooManyThatWaitAreRefusedAndAQueueLeavesPlacesToOthersOfItsOwner(t *testing.T) {
	r := newRig(t)
	a := r.start()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 6)
	for range 6 { // three quarters
		go func() {
			_, err := a.Pull(ctx, erp, 1, time.Hour)
			ended <- err
		}()
	}
	a.waits(6)
	if _, err := a.Pull(t.Context(), erp, 1, 0); !errors.Is(err, queue.ErrBusy) {
		t.Error(err)
	}
	other := queue.Address{Owner: "acme", Queue: "crm"}
	if _, err := a.Pull(t.Context(), other, 1, 0); !errors.Is(err, queue.ErrGone) {
		t.Errorf("a queue of which nobody waits is let in, and not there: %v", err)
	}
	cancel()
	for range 6 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	// What happens is for those that are still there.
	r.publish(1, 1)
	if got := ids(a.pull(1, patience)); got != "e1" {
		t.Errorf("after they went: %q", got)
	}
}

func TestWhatIsHandedOutToWhoJustWentAwayIsGivenBack(t *testing.T) {
	r := newRig(t)
	r.publish(1, 1)
	a := r.start()
	ctx, cancel := context.WithCancel(t.Context())
	went := make(chan struct{})
	var once sync.Once
	r.render = func(*event.Event) { once.Do(func() { cancel(); <-went }) }
	if _, err := a.Pull(ctx, erp, 1, patience); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(went)
	if got := a.pull(1, patience); ids(got) != "e1" || got[0].Times != 2 {
		t.Errorf("%+v", got)
	}
}

func TestNobodyIsRefusedByAStateThatIsOld(t *testing.T) {
	r := newRig(t)
	a, b := r.start(), r.start()
	b.pull(1, 0) // it knows that nothing is out
	r.publish(1, 2)
	got := a.pull(2, patience)
	if len(got) == 1 {
		got = append(got, a.pull(1, patience)...)
	}
	b.ack(got[0])
	a.settle(handout.Released, 0, got[1])
	again := b.pull(1, patience)
	if got := a.settle(handout.Extended, time.Hour, again...); got != handout.Extended {
		t.Error(got)
	}
}

func TestWhatRetentionTookIsToldAndTheRestIsHandedOut(t *testing.T) {
	r := newRig(t)
	r.publish(1, 10)
	a := r.start()
	first := a.pull(2, 0)
	events, err := r.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	a.stop()
	if err := events.Purge(t.Context(), purgeBefore(6)); err != nil {
		t.Fatal(err)
	}
	b := r.start()
	b.settle(handout.Released, 0, first[0])
	for _, want := range []string{"e6", "e7"} {
		if got := ids(b.pull(1, 0)); got != want {
			t.Fatalf("%q, want %s", got, want)
		}
	}
	s, err := b.Status(t.Context(), erp)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.gaps()) == 0 || s.Gap.First != 6 || s.Gap.After > 2 {
		t.Errorf("told %+v, status %+v", r.gaps(), s)
	}
}

func TestTheStatusSaysHowFarAQueueHasBeenRead(t *testing.T) {
	r := newRig(t)
	a := r.start()
	status := func() queue.Status {
		s, err := a.Status(t.Context(), erp)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := status(); s != (queue.Status{}) {
		t.Errorf("an unread queue of no events: %+v", s)
	}
	r.publish(1, 5)
	if s := status(); s.Waiting != 5 || s.Oldest.IsZero() {
		t.Errorf("%+v", s)
	}
	got := a.pull(3, 0)
	a.settle(handout.Released, 0, got[1])
	s := status()
	if s.Waiting != 2 || s.HandedOut != 2 || s.Returned != 1 || s.Position != 3 || s.Oldest.IsZero() {
		t.Errorf("%+v", s)
	}
}
