package cursor_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// What is told in a header must be read there again by the next holder, or it
// reads nothing for ever.
func TestAKeyThatIsNoIdentifierIsNeverSetAside(t *testing.T) {
	for name, key := range map[string]string{"another space": "x\u00a0y", "a line": "x\u0085y", "an equals sign": "x=y"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.publish("src.b", "b1")
			r.publish("src."+key, bodies(1, 40)...)
			r.publish("src.b", "b2")
			var n count
			r.start(handler{}, apart, batches, n.counted)
			r.awaitWritten(42)
			if n := n.aside.Load(); n > 0 {
				t.Errorf("it was, %d times", n)
			}
		})
	}
}

func TestLanesByOwnerTellTheOwnersOfOnePartitionApart(t *testing.T) {
	const spread = 3 * time.Second
	for name, c := range map[string]struct {
		of             func(int, string) string
		stored, filter string
	}{
		"INBOX":  {subject.InboxOf, "inbox.3.platform.acme.invoice.posted", "inbox.3.*.acme.>"},
		"EVENTS": {subject.EventsOf, "events.3.acme.invoice.posted", "events.3.acme.>"},
	} {
		var others cursor.Neighbours
		l := cursor.ByOwner(3, c.of, spread, &others)
		if key := l.Key(c.stored); key != "acme" || l.Filter(key) != c.filter || l.Spread != spread || l.Neighbours != &others {
			t.Errorf("%s: key %q, filter %q, spread %s", name, key, l.Filter(key), l.Spread)
		}
	}
}

// clock is one that tests move.
type clock struct{ passed atomic.Int64 }

func (c *clock) pass(d time.Duration) { c.passed.Add(int64(d)) }

func (c *clock) now() time.Time { return time.Unix(1_795_000_000, c.passed.Load()) }

// ofALane reports whether messages are those of a key that lags: the main
// reading has passed them.
func ofALane(s *cursor.Session, msgs []cursor.Message) bool { return msgs[0].Seq <= s.Position() }

func TestALaneDoesNotRestForTheTimeThatSomethingElseWasDown(t *testing.T) {
	r := newRig(t)
	r.flood(100)
	var c clock
	r.now = c.now
	down := true
	r.start(handler{handle: func(_ context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		if ofALane(s, msgs) && down {
			down = false
			c.pass(time.Hour)
			return nil, errors.New("something else is down")
		}
		return keyedSteps(msgs), nil
	}}, apart, batches)
	r.awaitWritten(102)
}

func TestALaneHasLongerTurnsOnceNobodyElseComes(t *testing.T) {
	for name, passes := range map[string]time.Duration{"others have just come": 0, "others came a minute ago": time.Minute} {
		t.Run(name, func(t *testing.T) {
			const most, ofLane = 80, 20
			r := newRig(t)
			r.flood(600)
			var c clock
			r.now = func() time.Time {
				c.pass(passes)
				return c.now()
			}
			var greatest atomic.Int64
			r.start(handler{handle: func(_ context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
				if ofALane(s, msgs) {
					greatest.Store(max(greatest.Load(), int64(len(msgs))))
				}
				return keyedSteps(msgs), nil
			}}, apart, func(c *cursor.Config) { c.BatchMax = most })
			r.awaitWritten(602)
			if n := greatest.Load(); n > ofLane != (passes > 0) {
				t.Errorf("it handled up to %d messages at once, where %d is a lane's part of a batch", n, ofLane)
			}
		})
	}
}

func TestALaneHasFewAtATimeWhileItMayWaitForTheSakeOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		waited   time.Duration
		room     int64
		greatest int64
	}{"stored just now": {0, -1, 5}, "stored an hour ago": {time.Hour, -1, 20}, "in a stream that fills": {0, 40_000, 20}} {
		t.Run(name, func(t *testing.T) {
			const most = 80
			r := newRig(t)
			r.stream(jetstream.StreamConfig{Name: source, Subjects: []string{"src.>"}, Discard: jetstream.DiscardNew, MaxBytes: c.room})
			r.flood(600)
			began := time.Now().Add(c.waited)
			var passed, greatest atomic.Int64
			r.now = func() time.Time { return began.Add(time.Duration(passed.Load())) }
			r.start(handler{handle: func(_ context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
				if ofALane(s, msgs) {
					greatest.Store(max(greatest.Load(), int64(len(msgs))))
					passed.Add(int64(5 * time.Millisecond))
				}
				return keyedSteps(msgs), nil
			}}, apart, func(c *cursor.Config) {
				c.BatchMax, c.Lanes.Spread, c.Lanes.Least, c.Look = most, 5*time.Minute, 1000, time.Millisecond
			})
			r.awaitWritten(602)
			r.sameKey("a", bodies(1, 600))
			if n := greatest.Load(); n != c.greatest {
				t.Errorf("it handled up to %d messages at once, where %d are due", n, c.greatest)
			}
		})
	}
}

// Ten floods at once would otherwise be ten times in the others' way.
func TestKeysThatLagShareWhatOneMayHave(t *testing.T) {
	const most, apiece, aSecond, turn = 80, 200, 1000, 5 * time.Millisecond
	keys := []string{"a", "c", "d", "e"}
	r := newRig(t)
	r.publish("src.b", "b1")
	for _, key := range keys {
		r.publish("src."+key, bodies(1, apiece)...)
	}
	r.publish("src.b", "b2")
	var c clock
	r.now = c.now
	r.start(handler{handle: func(_ context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		if ofALane(s, msgs) {
			c.pass(turn)
		}
		return keyedSteps(msgs), nil
	}}, apart, func(c *cursor.Config) {
		c.BatchMax, c.Lanes.Spread, c.Lanes.Least = most, 365*24*time.Hour, aSecond
	})
	r.awaitWritten(2 + apiece*len(keys))
	for _, key := range keys {
		r.sameKey(key, bodies(1, apiece))
	}
	// One that was set aside and has had no turn yet is not known to share, so a
	// little more than what one may have goes at first; each for itself it would
	// be four times as much.
	took := time.Duration(c.passed.Load())
	if atOnce := time.Duration(apiece*len(keys)) * time.Second / aSecond; took < atOnce/2 {
		t.Errorf("all was handled within %s, where one may have %d a second, which is %s", took, aSecond, atOnce)
	}
}

// A tick that comes before the main reading has passed anything of the key finds
// that nothing of it is left.
func TestAKeyIsNotTakenBackBeforeAnythingOfItWasPassed(t *testing.T) {
	r := newRig(t)
	r.publish("src.b", "b1")
	floods := []string{"src.a", "src.c", "src.d", "src.e", "src.f", "src.g"}
	for _, f := range floods {
		r.publish(f, bodies(1, 30)...)
	}
	r.publish("src.b", "b2")
	var n count
	var back atomic.Int32
	back.Store(-1)
	r.start(handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		if slices.ContainsFunc(msgs, func(m cursor.Message) bool { return string(m.Data) == "b2" }) {
			back.Store(n.back.Load())
		}
		return keyedSteps(msgs), nil
	}}, apart, batches, n.counted, func(c *cursor.Config) { c.Lanes.Linger = time.Microsecond })
	r.eventually("the floods are passed", func() bool { return back.Load() >= 0 })
	if got := back.Load(); got > 0 {
		t.Errorf("of %d keys, keys were taken back %d times while their floods were in front of them", len(floods), got)
	}
}

func TestAKeyThatCannotBeSetAsideIsNoEndOfTheHolding(t *testing.T) {
	r := newRig(t)
	str, err := r.js.Stream(r.ctx(), source)
	r.must(err)
	cfg := str.CachedInfo().Config
	cfg.MaxConsumers = 1
	r.must(r.js.DeleteStream(r.ctx(), source))
	r.stream(cfg)
	r.flood(100)
	var begun atomic.Int32
	h := keyed(opened())
	h.begin = func(context.Context, *cursor.Session) error {
		begun.Add(1)
		return nil
	}
	r.start(h, apart, batches)
	r.awaitWritten(102)
	if n := begun.Load(); n != 1 {
		t.Errorf("the cursor was taken over %d times", n)
	}
}

func TestAKeyWhoseHalfStoredMessageIsRemovedGoesWithTheOthersAgain(t *testing.T) {
	r := newRig(t)
	r.flood(40)
	r.startAndDie(handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		steps := keyedSteps(msgs)
		for i, m := range msgs {
			if string(m.Data) == "25" {
				steps[i].Outputs = fanned("25", 1120)
			}
		}
		return steps, nil
	}}, dying{cursor.FaultBatch, 1})
	var n count
	h := keyed(opened())
	h.begin = func(ctx context.Context, s *cursor.Session) error {
		if len(s.Halves()) != 1 || s.PositionOf("a") >= s.Position() {
			t.Errorf("halves %v, a is at %d, the others at %d", s.Halves(), s.PositionOf("a"), s.Position())
		}
		str, err := r.js.Stream(ctx, source)
		if err != nil {
			return err
		}
		return str.Purge(ctx, jetstream.WithPurgeSubject("src.a"))
	}
	r.start(h, apart, batches, n.counted, func(c *cursor.Config) { c.Look = 20 * time.Millisecond })
	r.eventually("a goes with the others", func() bool { return n.back.Load() == 1 && r.position() == 42 })
}
