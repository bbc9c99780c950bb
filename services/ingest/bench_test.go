package ingest_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

// How fast a backlog in INBOX becomes events, broker included: one owner, so
// one partition.
func BenchmarkPassThrough(b *testing.B) {
	const backlog = 20_000
	r := newRig(b)
	for i := range backlog {
		for {
			if _, err := r.js.PublishAsync(posted("acme"), []byte(plain(fmt.Sprintf("e%d", i)))); err == nil {
				break
			}
		}
	}
	<-r.js.PublishAsyncComplete()
	r.eventually("backlog is stored", func() bool { return r.count(topology.Inbox) == backlog })
	for b.Loop() {
		start := time.Now()
		in := r.launch(options{})
		r.eventually("backlog is taken in", func() bool { return r.count(topology.Events) == backlog })
		b.ReportMetric(backlog/time.Since(start).Seconds(), "events/s")
		in.stop()
		b.StopTimer()
		r.forget()
		b.StartTimer()
	}
}

// forget makes the backlog new again.
func (r *rig) forget() {
	r.t.Helper()
	for _, stream := range []string{topology.Events, topology.BucketStream(topology.Checkpoints)} {
		if err := r.js.DeleteStream(r.t.Context(), stream); err != nil {
			r.t.Fatal(err)
		}
	}
	topologytest.Ensure(r.t, r.js, topologytest.WithPartitions(partitions))
}

// How many events a second HTTP takes, one request each and a thousand each.
func BenchmarkPost(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprintf("events=%d", size), func(b *testing.B) {
			r := newRig(b)
			in := r.start(options{})
			var requests atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := requests.Add(1)
					var body strings.Builder
					for i := range size {
						body.WriteString(`{"type":"invoice.posted",` + plain(fmt.Sprintf("b%d-%d", n, i))[1:] + "\n")
					}
					w := r.post(in, "/v1/owners/acme/events", body.String(), map[string]string{"Content-Type": "application/x-ndjson"})
					if w.Code != 202 {
						b.Error(w.Code, w.Body)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
