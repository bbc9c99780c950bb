package cursor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
)

// keyed is a handler whose outputs tell their keys, and which waits for open
// before it handles the first messages.
func keyed(open <-chan struct{}) handler {
	return handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		<-open
		return keyedSteps(msgs), nil
	}}
}

func keyedSteps(msgs []cursor.Message) []cursor.Step {
	steps := echo(msgs)
	for i := range steps {
		steps[i].Outputs[0].Subject = "out.1." + keyOf(msgs[i].Subject)
	}
	return steps
}

// batches makes the greatest batch 8, and the greatest of a lane 2.
func batches(c *cursor.Config) { c.BatchMax = 8 }

// count is how often keys were set aside and taken back.
type count struct{ aside, back atomic.Int32 }

// counted has a cursor count, beside what its fault hook does already.
func (n *count) counted(c *cursor.Config) {
	fault := c.Fault
	c.Fault = func(p string) {
		switch p {
		case cursor.FaultAside:
			n.aside.Add(1)
		case cursor.FaultBack:
			n.back.Add(1)
		}
		if fault != nil {
			fault(p)
		}
	}
}

// flood publishes one message of b, many of a, and another one of b.
func (r *rig) flood(of int) {
	r.publish("src.b", "b1")
	r.publish("src.a", bodies(1, of)...)
	r.publish("src.b", "b2")
}

func TestAKeyOfWhichMuchHasGatheredGivesWayToOthers(t *testing.T) {
	r := newRig(t)
	open := make(chan struct{})
	r.start(keyed(open), apart, batches)
	r.flood(100)
	close(open)
	r.awaitWritten(102)
	if at := slices.Index(r.written(), "b2"); at > 60 {
		t.Errorf("b2 is the %d-th of 102 outputs", at+1)
	}
	r.sameKey("a", bodies(1, 100))
}

// sameKey fails unless the outputs of a key are exactly these.
func (r *rig) sameKey(key string, want []string) {
	r.t.Helper()
	if got := r.writtenByKey()[key]; !slices.Equal(got, want) {
		r.t.Errorf("%d outputs of %s, want %d; they part at %s", len(got), key, len(want), parting(got, want))
	}
}

func TestAKeyThatIsAloneIsNotSetAside(t *testing.T) {
	r := newRig(t)
	var n count
	r.start(handler{}, apart, batches, n.counted)
	r.publish("src.a", bodies(1, 100)...)
	r.expectWritten(bodies(1, 100))
	if n := n.aside.Load(); n > 0 {
		t.Errorf("it was, %d times", n)
	}
}

func TestAKeyThatHasCaughtUpGoesWithTheOthersAgain(t *testing.T) {
	r := newRig(t)
	r.flood(100)
	var n count
	r.start(keyed(opened()), apart, batches, n.counted)
	r.eventually("a goes with the others", func() bool {
		return r.position() == 102 && n.aside.Load() > 0 && n.aside.Load() == n.back.Load()
	})
	r.publish("src.a", "end")
	r.eventually("the stored position is the last", func() bool { return r.position() == 103 })
	str, err := r.js.Stream(r.ctx(), sink)
	r.must(err)
	m, err := str.GetLastMsgForSubject(r.ctx(), sinkFilter)
	r.must(err)
	if h := m.Header.Get("Billhook-Lanes"); h != "" {
		t.Errorf("the newest output tells of lanes: %s", h)
	}
}

func opened() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// TestTheNextHolderGoesOnWhereEachKeyWas kills a holder at every point of a
// flood: behind outputs of the main reading, behind those of the key that lags,
// and in the middle of what one message of that key becomes.
func TestTheNextHolderGoesOnWhereEachKeyWas(t *testing.T) {
	const wide = "25"
	fan := func(body string) int {
		if body == wide {
			return 1120
		}
		return 1
	}
	h := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		steps := make([]cursor.Step, len(msgs))
		for i, m := range msgs {
			steps[i].Outputs = fanned(string(m.Data), fan(string(m.Data)))
			for j := range steps[i].Outputs {
				steps[i].Outputs[j].Subject = "out.1." + keyOf(m.Subject)
			}
		}
		return steps, nil
	}}
	var want []string
	for _, b := range bodies(1, 40) {
		want = append(want, fannedBodies(b, fan(b))...)
	}
	for _, c := range []dying{
		{cursor.FaultAside, 1}, {cursor.FaultBack, 1}, {cursor.FaultBatch, 1}, {cursor.FaultPublished, 2}, {cursor.FaultPublished, 3},
		{cursor.FaultPublished, 4}, {cursor.FaultPublished, 5}, {cursor.FaultPublished, 8}, {cursor.FaultPublished, 13},
	} {
		t.Run(fmt.Sprint(c.point, " ", c.nth), func(t *testing.T) {
			r := newRig(t)
			r.flood(40)
			r.startAndDie(h, dying{c.point, c.nth})
			// The next one dies once it has written something of its own.
			loose := h
			loose.begin = func(ctx context.Context, s *cursor.Session) error {
				return s.Write(ctx, []cursor.Output{output("loose")})
			}
			r.startAndDie(loose, dying{cursor.FaultPublished, 1})
			last := r.start(loose, apart, batches)
			r.awaitWritten(len(want) + 4)
			last.halt()
			got := r.writtenByKey()
			if strings.Join(got["a"], " ") != strings.Join(want, " ") {
				t.Errorf("%d outputs of a, want %d; they part at %s", len(got["a"]), len(want), parting(got["a"], want))
			}
			if strings.Join(got["b"], " ") != "b1/1 b2/1" {
				t.Errorf("outputs of b: %v", got["b"])
			}
		})
	}
}

// What a former holder stored in part is finished before the key gives way: the
// lane that begins there would know nothing of it.
func TestAKeyIsNotSetAsideFromTheMiddleOfAMessage(t *testing.T) {
	const wide, outputs = "wide", 1120
	h := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		steps := keyedSteps(msgs)
		for i, m := range msgs {
			if string(m.Data) == wide {
				steps[i].Outputs = fanned(wide, outputs)
				for j := range steps[i].Outputs {
					steps[i].Outputs[j].Subject = "out.1.a"
				}
			}
		}
		return steps, nil
	}}
	r := newRig(t)
	r.publish("src.b", "b1")
	r.publish("src.a", wide)
	r.publish("src.b", "b2")
	r.publish("src.a", bodies(1, 40)...)
	armed := make(chan struct{})
	doomed := h
	doomed.begin = func(context.Context, *cursor.Session) error {
		<-armed
		return nil
	}
	var first *instance
	first = r.start(doomed, dieAt(&first, cursor.FaultBatch, 1))
	close(armed)
	<-first.done
	r.expireLease()
	var n count
	r.start(h, apart, batches, n.counted)
	r.awaitWritten(2 + outputs + 40)
	r.sameKey("a", append(fannedBodies(wide, outputs), bodies(1, 40)...))
	if n.aside.Load() == 0 {
		t.Error("it was never set aside")
	}
}

// dying is when an instance dies: at the nth passing of a fault point.
type dying struct {
	point string
	nth   int32
}

// startAndDie runs an instance until it dies, or until all of a flood of 40 is
// handled if it does not come so far, and its lease ends.
func (r *rig) startAndDie(h handler, d dying) {
	r.t.Helper()
	armed, begin := make(chan struct{}), h.begin
	h.begin = func(ctx context.Context, s *cursor.Session) error {
		<-armed
		if begin == nil {
			return nil
		}
		return begin(ctx, s)
	}
	var i *instance
	i = r.start(h, dieAt(&i, d.point, d.nth), apart, batches)
	close(armed)
	r.eventually("it dies", func() bool {
		select {
		case <-i.done:
			return true
		default:
			return r.position() == 42
		}
	})
	i.kill()
	<-i.done
	r.expireLease()
}

// hung is a handler that hangs once it is given a message of a at a place far
// behind that of the main reading, and tells of what it knows then.
type hung struct {
	handler
	main, of, stored chan uint64
	end              chan struct{}
}

func newHung(r *rig) *hung {
	h := &hung{main: make(chan uint64, 1), of: make(chan uint64, 1), stored: make(chan uint64, 1), end: make(chan struct{})}
	var once atomic.Bool
	h.handle = func(ctx context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		if keyOf(msgs[0].Subject) == "a" && msgs[0].Seq+30 < s.Position() && once.CompareAndSwap(false, true) {
			if err := s.Checkpoint(ctx); err != nil {
				return nil, err
			}
			h.main <- s.Position()
			h.of <- s.PositionOf("a")
			h.stored <- r.position()
			<-h.end
			return nil, errors.New("given up")
		}
		return keyedSteps(msgs), nil
	}
	return h
}

func TestTheStoredPositionIsTheLeastSoThatNothingIsPurgedThatLags(t *testing.T) {
	r := newRig(t)
	r.flood(100)
	h := newHung(r)
	i := r.start(h, apart, batches)
	main, of, stored := <-h.main, <-h.of, <-h.stored
	if stored != of || stored >= main {
		t.Errorf("stored %d, where the key is at %d and the others at %d", stored, of, main)
	}
	// Who holds it next goes on from there, though it is purged up to there.
	str, err := r.js.Stream(r.ctx(), source)
	r.must(err)
	r.must(str.Purge(r.ctx(), jetstream.WithPurgeSequence(stored+1)))
	i.kill()
	close(h.end)
	<-i.done
	r.expireLease()
	r.start(keyed(opened()), apart, batches)
	r.awaitWritten(102)
	r.sameKey("a", bodies(1, 100))
	if gaps := r.gaps(); len(gaps) > 0 {
		t.Errorf("gaps recorded: %+v", gaps)
	}
}

func TestRetentionThatOvertookAKeyIsRecordedAsItsGap(t *testing.T) {
	r := newRig(t)
	r.flood(100)
	h := newHung(r)
	i := r.start(h, apart, batches)
	main, of, _ := <-h.main, <-h.of, <-h.stored
	i.kill()
	close(h.end)
	<-i.done
	str, err := r.js.Stream(r.ctx(), source)
	r.must(err)
	r.must(str.Purge(r.ctx(), jetstream.WithPurgeSequence(main+1)))
	r.expireLease()
	r.start(keyed(opened()), apart, batches)
	r.eventually("the rest is handled", func() bool { return r.position() == 102 })
	gaps := r.gaps()
	if len(gaps) != 1 || gaps[0].Key != "a" || gaps[0].After != of || gaps[0].First != main+1 {
		t.Errorf("gaps recorded: %+v, want one of a, after %d and first %d", gaps, of, main+1)
	}
}

func TestRetentionThatOvertakesAKeyInTheMiddleOfItsReadingIsRecorded(t *testing.T) {
	r := newRig(t)
	r.flood(100)
	g := newHung(r)
	r.start(g, apart, batches, func(c *cursor.Config) { c.Look = 20 * time.Millisecond })
	main := <-g.main
	str, err := r.js.Stream(r.ctx(), source)
	r.must(err)
	r.must(str.Purge(r.ctx(), jetstream.WithPurgeSequence(main+1)))
	close(g.end)
	r.eventually("a gap of the key is recorded", func() bool {
		return slices.ContainsFunc(r.gaps(), func(g cursor.Gap) bool { return g.Key == "a" && g.First == main+1 })
	})
	r.eventually("the rest is handled", func() bool { return r.position() == 102 })
}
