package cursor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
)

// small makes the source keep few messages.
func (r *rig) small(keep int64) {
	r.t.Helper()
	r.stream(jetstream.StreamConfig{Name: source, Subjects: []string{"src.>"}, MaxMsgs: keep})
}

func TestRetentionThatOvertookTheCheckpointIsRecorded(t *testing.T) {
	r := newRig(t)
	r.small(10)
	first := r.start(handler{})
	r.publish("src.a", bodies(1, 5)...)
	r.expectWritten(bodies(1, 5))
	first.halt()
	r.publish("src.a", bodies(6, 100)...)
	told := make(chan cursor.Gap, 1)
	r.start(handler{}, func(c *cursor.Config) { c.OnGap = func(g cursor.Gap) { told <- g } })
	r.expectWritten(append(bodies(1, 5), bodies(91, 100)...))
	gaps := r.gaps()
	if len(gaps) != 1 {
		t.Fatalf("%d gaps recorded, want 1", len(gaps))
	}
	g := gaps[0]
	if g.Cursor != name || g.Stream != source || g.After != 5 || g.First != 91 || g.Last != 100 || g.At.IsZero() {
		t.Fatalf("gap %+v", g)
	}
	if hooked := <-told; hooked.First != 91 {
		t.Fatalf("hook was told %+v", hooked)
	}
}

func TestRetentionThatOvertookTheReadingIsRecorded(t *testing.T) {
	r := newRig(t)
	r.small(10)
	g := newGate()
	r.start(g, func(c *cursor.Config) { c.BatchMax, c.Look = 1, 20*time.Millisecond })
	r.publish("src.a", bodies(1, 3)...)
	<-g.reached
	r.publish("src.a", bodies(4, 100)...)
	close(g.open)
	r.eventually("a gap is recorded", func() bool { return len(r.gaps()) > 0 })
	if gap := r.gaps()[0]; gap.First != 91 {
		t.Fatalf("gap %+v, want first 91", gap)
	}
}

func TestRetentionOverWhatTheFiltersLeaveOutIsNoGap(t *testing.T) {
	r := newRig(t)
	r.small(10)
	mine := func(c *cursor.Config) { c.Filters, c.Look = []string{"src.mine", "src.ours"}, 20*time.Millisecond }
	first := r.start(handler{}, mine)
	r.publish("src.mine", "1")
	r.expectWritten([]string{"1"})
	for range 10 {
		r.publish("src.others", bodies(1, 8)...)
		str, err := r.js.Stream(r.ctx(), source)
		r.must(err)
		last := str.CachedInfo().State.LastSeq
		r.eventually("the position moves along", func() bool { return r.position() == last })
	}
	first.halt()
	r.publish("src.ours", "2")
	r.start(handler{}, mine)
	r.expectWritten([]string{"1", "2"})
	if gaps := r.gaps(); len(gaps) > 0 {
		t.Fatalf("gaps recorded: %+v", gaps)
	}
}

func TestPurgingBehindThePositionIsNoGap(t *testing.T) {
	r := newRig(t)
	r.start(handler{}, func(c *cursor.Config) {
		c.Filters, c.Look, c.Purged = []string{"src.mine"}, 1500*time.Millisecond, true
	})
	r.publish("src.mine", bodies(1, 10)...)
	r.eventually("the position is stored", func() bool { return r.position() == 10 })
	str, err := r.js.Stream(r.ctx(), source)
	r.must(err)
	r.must(str.Purge(r.ctx()))
	r.publish("src.others", "11")
	r.eventually("the cursor looks", func() bool { return r.position() == 11 })
	if gaps := r.gaps(); len(gaps) > 0 {
		t.Fatalf("gaps recorded: %+v", gaps)
	}
}

func TestACursorWithoutCheckpointBeginsAtTheStreamsBeginning(t *testing.T) {
	r := newRig(t)
	r.small(10)
	r.publish("src.a", bodies(1, 100)...)
	r.start(handler{})
	r.expectWritten(bodies(91, 100))
	if gaps := r.gaps(); len(gaps) > 0 {
		t.Fatalf("gaps recorded: %+v", gaps)
	}
}

func TestACursorWithoutCheckpointBeginsBehindItsStart(t *testing.T) {
	r := newRig(t)
	r.publish("src.a", bodies(1, 10)...)
	r.start(handler{}, func(c *cursor.Config) { c.Start = 7 })
	r.expectWritten(bodies(8, 10))
}

func TestAStreamThatLostItsEndIsRecordedAndReadOn(t *testing.T) {
	r := newRig(t)
	first := r.start(handler{})
	r.publish("src.a", bodies(1, 10)...)
	r.expectWritten(bodies(1, 10))
	first.halt()
	// The server lost the stream and everybody begins again.
	r.must(r.js.DeleteStream(r.ctx(), source))
	r.stream(jetstream.StreamConfig{Name: source, Subjects: []string{"src.>"}})
	r.publish("src.a", "a", "b")
	var second *instance
	armed := make(chan struct{})
	second = r.start(handler{begin: func(context.Context, *cursor.Session) error {
		<-armed
		second.kill()
		return errors.New("dead")
	}})
	r.eventually("the loss is recorded", func() bool { return len(r.gaps()) == 1 })
	if g := r.gaps()[0]; g.After != 10 || g.Last != 2 {
		t.Fatalf("gap %+v, want after 10 and last 2", g)
	}
	// What comes now is new, though its sequences were used before, also for
	// another holder, which sees the outputs from before the loss.
	r.eventually("the epoch is claimed", func() bool { return r.position() == 2 })
	close(armed)
	<-second.done
	r.publish("src.a", "c", "d")
	r.expireLease()
	r.start(handler{})
	r.expectWritten(append(bodies(1, 10), "c", "d"))
	if n := len(r.gaps()); n != 1 {
		t.Fatalf("%d gaps recorded, want 1", n)
	}
}
