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
	"github.com/billhook/billhook/streams/natstest"
)

// TestContract holds the promises of a cursor on both kinds of server.
func TestContract(t *testing.T) {
	servers := map[string][]natstest.Option{"sync at intervals": nil, "sync always": {natstest.WithSyncAlways()}}
	rules := map[string]func(*rig){
		"every message is handled once and in order":                        onceInOrder,
		"a crash between publish and checkpoint repeats nothing":            crashAfterPublish,
		"a crash inside a fan-out beyond one batch repeats nothing":         crashInFanOut,
		"loose outputs of a new holder do not hide a half-stored fan-out":   looseInsideFanOut,
		"the long past duplicate window does not matter":                    windowPast,
		"a stop hands over at once":                                         stopHandsOver,
		"a crash hands over when the lease ends":                            crashHandsOver,
		"a broker restart repeats and loses nothing":                        brokerRestart,
		"a refused output stops nothing that was stored from being counted": refusedOutput,
		"a failed handling is repeated from the same position":              handleAgain,
		"steps without outputs move the position":                           movesWithoutOutputs,
	}
	for server, opts := range servers {
		for rule, check := range rules {
			t.Run(server+"/"+rule, func(t *testing.T) { check(newRig(t, opts...)) })
		}
	}
}

func onceInOrder(r *rig) {
	r.publish("src.a", bodies(1, 50)...)
	r.start(handler{})
	r.publish("src.a", bodies(51, 100)...)
	r.expectWritten(bodies(1, 100))
}

// dieAt returns a change that kills the instance at the nth passing of a
// fault point.
func dieAt(i **instance, point string, nth int32) func(*cursor.Config) {
	var passed atomic.Int32
	return func(c *cursor.Config) {
		c.Fault = func(p string) {
			if p == point && passed.Add(1) == nth {
				(*i).kill()
			}
		}
	}
}

func crashAfterPublish(r *rig) {
	var first *instance
	armed := make(chan struct{})
	h := handler{begin: func(context.Context, *cursor.Session) error { <-armed; return nil }}
	first = r.start(h, dieAt(&first, cursor.FaultPublished, 2), func(c *cursor.Config) { c.BatchMax = 10 })
	r.publish("src.a", bodies(1, 30)...)
	close(armed)
	<-first.done
	r.prefixWritten(bodies(1, 20))
	r.expireLease()
	r.start(handler{})
	r.expectWritten(bodies(1, 30))
}

func crashInFanOut(r *rig) {
	const n = 1500
	want := append(fannedBodies("1", n), fannedBodies("2", n)...)
	var first, second *instance
	armed := make(chan struct{})
	h := fan(n)
	h.begin = func(context.Context, *cursor.Session) error { <-armed; return nil }
	first = r.start(h, dieAt(&first, cursor.FaultBatch, 1))
	r.publish("src.a", "1", "2")
	close(armed)
	<-first.done
	half := r.prefixWritten(want[:1000])
	// The next one dies inside of the same fan-out.
	r.expireLease()
	armed = make(chan struct{})
	second = r.start(h, dieAt(&second, cursor.FaultBatch, 1))
	close(armed)
	<-second.done
	if more := r.prefixWritten(want); more <= half {
		r.t.Fatalf("%d outputs after the second crash, %d after the first", more, half)
	}
	r.expireLease()
	r.start(h)
	r.expectWritten(want)
}

func looseInsideFanOut(r *rig) {
	const n = 1400
	var first, second *instance
	armed := make(chan struct{})
	h := fan(n)
	h.begin = func(context.Context, *cursor.Session) error { <-armed; return nil }
	first = r.start(h, dieAt(&first, cursor.FaultBatch, 1))
	r.publish("src.a", "1")
	close(armed)
	<-first.done
	// The second writes something of its own, and dies before it goes on.
	r.expireLease()
	armed = make(chan struct{})
	h.begin = func(ctx context.Context, s *cursor.Session) error {
		<-armed
		return s.Write(ctx, []cursor.Output{output("loose")})
	}
	second = r.start(h, dieAt(&second, cursor.FaultPublished, 1))
	close(armed)
	<-second.done
	r.expireLease()
	r.start(fan(n))
	all := fannedBodies("1", n)
	r.expectWritten(slices.Concat(all[:1000], []string{"loose"}, all[1000:]))
}

// identified is echo with the body as the message's id.
func identified(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
	steps := echo(msgs)
	for i := range steps {
		steps[i].Outputs[0].MsgID = string(msgs[i].Data)
	}
	return steps, nil
}

func windowPast(r *rig) {
	r.stream(jetstream.StreamConfig{
		Name: sink, Subjects: []string{"out.>"}, AllowAtomicPublish: true, AllowDirect: true, MaxMsgSize: 1 << 20,
		Duplicates: 100 * time.Millisecond,
	})
	var first *instance
	armed := make(chan struct{})
	h := handler{handle: identified, begin: func(context.Context, *cursor.Session) error { <-armed; return nil }}
	first = r.start(h, dieAt(&first, cursor.FaultPublished, 1))
	r.publish("src.a", bodies(1, 5)...)
	close(armed)
	<-first.done
	n := r.prefixWritten(bodies(1, 5))
	r.eventually("the window has passed", func() bool {
		_, err := r.js.Publish(r.ctx(), "out.2.probe", nil, jetstream.WithMsgID("1"))
		r.must(err)
		str, err := r.js.Stream(r.ctx(), sink)
		r.must(err)
		return str.CachedInfo().State.Msgs == uint64(n+1)
	})
	r.expireLease()
	r.publish("src.a", "6")
	r.start(handler{handle: identified})
	r.expectWritten(slices.Concat(bodies(1, n), []string{""}, bodies(n+1, 6)))
}

func stopHandsOver(r *rig) {
	first := r.start(handler{})
	r.publish("src.a", "1")
	r.expectWritten([]string{"1"})
	second := r.start(handler{})
	<-second.Ready()
	if second.Held() {
		r.t.Fatal("two instances hold the lease")
	}
	first.halt()
	if r.position() != 1 {
		r.t.Fatalf("position %d after a stop, want 1", r.position())
	}
	r.publish("src.a", "2")
	// The lease's TTL is an hour, so the wait shows that nobody needs it.
	r.expectWritten([]string{"1", "2"})
}

func crashHandsOver(r *rig) {
	short := func(c *cursor.Config) { c.LeaseTTL = 2 * time.Second }
	first := r.start(handler{}, short)
	r.publish("src.a", "1")
	r.expectWritten([]string{"1"})
	second := r.start(handler{}, short)
	<-second.Ready()
	first.kill()
	r.publish("src.a", "2")
	r.expectWritten([]string{"1", "2"})
}

func brokerRestart(r *rig) {
	h := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		return echo(msgs), nil
	}}
	r.start(h, func(c *cursor.Config) { c.BatchMax = 7; c.LeaseTTL = 2 * time.Second })
	r.publish("src.a", bodies(1, 100)...)
	r.restart()
	r.publish("src.a", bodies(101, 200)...)
	r.expectWritten(bodies(1, 200))
}

func refusedOutput(r *rig) {
	var tries atomic.Int32
	big := make([]byte, 1<<20)
	h := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		steps := echo(msgs)
		for i, m := range msgs {
			if string(m.Data) == "5" && tries.Add(1) < 3 {
				steps[i].Outputs[0].Data = big
			}
		}
		return steps, nil
	}}
	r.publish("src.a", bodies(1, 40)...)
	r.start(h)
	r.expectWritten(bodies(1, 40))
	if tries.Load() < 3 {
		r.t.Fatal("nothing was refused")
	}
}

func handleAgain(r *rig) {
	var tries atomic.Int32
	var seen [2]uint64
	h := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		switch n := tries.Add(1); n {
		case 1:
			seen[0] = msgs[0].Seq
			return nil, errors.New("not now")
		case 2:
			seen[1] = msgs[0].Seq
			return nil, nil // too few steps
		}
		return echo(msgs), nil
	}}
	r.publish("src.a", bodies(1, 3)...)
	r.start(h)
	r.expectWritten(bodies(1, 3))
	if seen != [2]uint64{1, 1} {
		r.t.Fatalf("tries began at %v, want 1 both times", seen)
	}
}

func movesWithoutOutputs(r *rig) {
	silent := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		return make([]cursor.Step, len(msgs)), nil
	}}
	r.publish("src.a", bodies(1, 10)...)
	first := r.start(silent)
	r.eventually("the position is stored", func() bool { return r.position() == 10 })
	first.halt()
	r.publish("src.a", "11")
	r.start(handler{})
	r.expectWritten([]string{"11"})
}
