package series_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// rig is a server with the streams, and a receiver that notes what comes.
type rig struct {
	tb  testing.TB
	ctx context.Context
	js  jetstream.JetStream
	cfg series.Config

	mu   sync.Mutex
	got  []got
	fail func(t *series.Task) bool
}

// got is a request as it came.
type got struct {
	seq      uint64
	account  string
	body     string
	accepted bool
}

func newRig(tb testing.TB, opts ...natstest.Option) *rig {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	tb.Cleanup(cancel)
	r := &rig{tb: tb, ctx: ctx, js: natstest.Start(tb, opts...).JetStream(tb), fail: func(*series.Task) bool { return false }}
	s := topology.Defaults()
	s.Partitions = 2
	for _, c := range append(topology.Streams(s), topology.Buckets(s)...) {
		switch c.Name {
		case topology.Events, topology.Outcomes, topology.Retries, topology.Gaps, topology.BucketStream(topology.Series):
			_, err := r.js.CreateStream(ctx, c)
			r.must(err)
		}
	}
	r.cfg = series.Config{
		Key: series.Key{Channel: delivery.Webhook, Owner: "acme", Subscription: "sub_1"},
		Plan: series.Plan{
			Filters:   []string{subject.EventsOf(1, "acme")},
			Match:     func(e *event.Event, _ uint64) (int, bool) { return 1, e.Type != "other" },
			ByAccount: true, Head: series.Block, Part: 1,
		},
		Limits: series.Limits{Linger: 20 * time.Millisecond},
	}
	return r
}

func (r *rig) must(err error) {
	r.tb.Helper()
	if err != nil {
		r.tb.Fatal(err)
	}
}

// series returns the subscription at one more holder.
func (r *rig) series() *series.Series {
	return series.New(r.cfg, series.Deps{JS: r.js, Deliverer: r, Log: zerolog.Nop()})
}

// publish stores n events of accounts in turn.
func (r *rig) publish(n, accounts int) {
	r.tb.Helper()
	var last jetstream.PubAckFuture
	for i := range n {
		e := event.Event{ID: fmt.Sprint("evt_", i), Type: "invoice.posted", Owner: "acme", Account: fmt.Sprint("acc_", i%accounts), Time: time.Unix(1, 0)}
		b, err := e.Encode()
		r.must(err)
		last, err = r.js.PublishMsgAsync(&nats.Msg{Subject: subject.Event(1, "acme", e.Type), Data: b}, jetstream.WithStallWait(time.Minute))
		r.must(err)
	}
	select {
	case <-last.Ok():
	case err := <-last.Err():
		r.must(err)
	}
}

// Attempt is the receiver. Each rendering has bytes of its own.
func (r *rig) Attempt(_ context.Context, t *series.Task) (series.Answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := t.Work
	if len(w.Frozen) == 0 {
		w.Frozen = fmt.Append(nil, t.Sequence(), "-", len(r.got))
	}
	accepted := !r.fail(t)
	r.got = append(r.got, got{t.Sequence(), w.Delivery.Account, string(w.Frozen), accepted})
	w.Attempts++
	o := &delivery.Outcome{Attempt: w.Attempts, Delivery: w.Delivery, Channel: delivery.Webhook, At: time.Now(), Result: delivery.Delivered}
	switch {
	case accepted:
	case r.cfg.Plan.Head == series.Pause: // its schedule has one attempt
		o.Result = delivery.Parked
	default:
		o.Result, o.NextAt = delivery.Retrying, o.At.Add(time.Hour)
	}
	return series.Answer{Outcome: o}, nil
}

// rest runs a series until it rests.
func (r *rig) rest(s *series.Series) series.Rest {
	r.tb.Helper()
	rest, err := s.Run(r.ctx)
	r.must(err)
	return rest
}

// stored counts what OUTCOMES holds of a result.
func (r *rig) stored(result delivery.Result) int {
	r.tb.Helper()
	s, err := r.js.Stream(r.ctx, topology.Outcomes)
	r.must(err)
	info, err := s.Info(r.ctx, jetstream.WithSubjectFilter(">"))
	r.must(err)
	return int(info.State.Subjects[subject.OrderedOutcome(delivery.Webhook, result, "acme", "sub_1")])
}
