package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	config "github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/streams/natstest"
	read "github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// How many events a second are read through a queue in hundreds, each hundred
// acknowledged before the next is pulled, and how that compares with a bare loop of
// JetStream over the same events in the same run.
func BenchmarkRead(b *testing.B) {
	const backlog, batch = 20_000, 100
	for _, c := range []struct {
		name    string
		readers int
		change  func(*config.Queue)
		opts    []natstest.Option
	}{
		{name: "ordered/readers=1", readers: 1, change: ordered},
		{name: "unordered/readers=4", readers: 4, change: func(*config.Queue) {}},
		{name: "ordered/readers=1/sync=always", readers: 1, change: ordered, opts: []natstest.Option{natstest.WithSyncAlways()}},
		{name: "unordered/readers=4/sync=always", readers: 4, change: func(*config.Queue) {}, opts: []natstest.Option{natstest.WithSyncAlways()}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRigWith(b, c.opts, c.change)
			r.pace = read.Pace{}
			r.publish(1, backlog)
			in := r.start()
			var read, bare time.Duration
			for i := 0; b.Loop(); i++ {
				r.queue("erp", c.change, func(q *config.Queue) { q.Incarnation = fmt.Sprint("run", i) })
				for in.directory.Owner("acme").Queues["erp"].Incarnation != fmt.Sprint("run", i) {
				}
				began := time.Now()
				in.drain(b, backlog, batch, c.readers)
				read += time.Since(began)
				began = time.Now()
				r.bare(b, backlog, batch, c.readers)
				bare += time.Since(began)
			}
			b.ReportMetric(backlog*float64(b.N)/read.Seconds(), "events/s")
			b.ReportMetric(backlog*float64(b.N)/bare.Seconds(), "bare/s")
			b.ReportMetric(bare.Seconds()/read.Seconds(), "of-bare")
		})
	}
}

// drain reads a queue to its end.
func (in *instance) drain(b *testing.B, all, batch, readers int) {
	b.Helper()
	var got atomic.Int64
	var reading sync.WaitGroup
	for range readers {
		reading.Go(func() {
			for got.Load() < int64(all) {
				w := in.do(ask{path: "pull", body: fmt.Sprintf(`{"max": %d, "wait": "50ms"}`, batch)})
				var answer struct {
					Messages []struct{ Receipt string }
				}
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
					b.Errorf("%d %s", w.Code, w.Body)
					return
				}
				if len(answer.Messages) == 0 {
					continue
				}
				receipts := make([]string, len(answer.Messages))
				for i, m := range answer.Messages {
					receipts[i] = m.Receipt
				}
				body, _ := json.Marshal(map[string]any{"receipts": receipts})
				if w := in.do(ask{path: "ack", body: string(body)}); w.Code != http.StatusOK {
					b.Errorf("%d %s", w.Code, w.Body)
					return
				}
				got.Add(int64(len(receipts)))
			}
		})
	}
	reading.Wait()
}

// bare reads the same events by a durable pull consumer, whose last message of each
// batch acknowledges all of it where one reads, and every message where several do.
func (r *rig) bare(b *testing.B, all, batch, readers int) {
	b.Helper()
	policy := jetstream.AckExplicitPolicy
	if readers == 1 {
		policy = jetstream.AckAllPolicy
	}
	c, err := r.js.CreateConsumer(b.Context(), topology.Events, jetstream.ConsumerConfig{
		Durable: "bare", AckPolicy: policy, FilterSubject: subject.Event(subject.Partition("acme", partitions), "acme", "invoice.posted"), MaxAckPending: 10_000,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = r.js.DeleteConsumer(b.Context(), topology.Events, "bare") }()
	var got atomic.Int64
	var reading sync.WaitGroup
	for range readers {
		reading.Go(func() {
			for got.Load() < int64(all) {
				n, err := fetch(b.Context(), c, batch, policy)
				if err != nil {
					b.Error(err)
					return
				}
				got.Add(int64(n))
			}
		})
	}
	reading.Wait()
}

func fetch(ctx context.Context, c jetstream.Consumer, batch int, policy jetstream.AckPolicy) (n int, err error) {
	messages, err := c.Fetch(batch, jetstream.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		return 0, err
	}
	var last jetstream.Msg
	for m := range messages.Messages() {
		n++
		if last != nil && policy == jetstream.AckExplicitPolicy {
			err = errors.Join(err, last.Ack())
		}
		last = m
	}
	if last != nil && err == nil {
		err = last.DoubleAck(ctx)
	}
	return n, err
}
