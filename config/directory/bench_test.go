package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

// BenchmarkLoad loads 100,000 subscriptions of 1,000 owners and tells the
// memory that their snapshots take.
func BenchmarkLoad(b *testing.B) {
	js := natstest.Start(b).JetStream(b)
	ctx := context.Background()
	for _, c := range topology.Buckets(topology.Defaults()) {
		if _, err := js.CreateStream(ctx, c); err != nil {
			b.Fatal(err)
		}
	}
	value, err := json.Marshal(sub("s"))
	if err != nil {
		b.Fatal(err)
	}
	for n := range 100_000 {
		key := topology.BucketKey(topology.Subscriptions, fmt.Sprintf("o%d.s%d", n%1000, n))
		if _, err := js.PublishMsgAsync(&nats.Msg{Subject: key, Data: value}); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	for b.Loop() {
		before := heap()
		bounded, cancel := context.WithTimeout(ctx, time.Minute)
		d, err := directory.Watch(bounded, directory.Settings{JetStream: js, Buckets: buckets(), Logger: zerolog.Nop()})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		d.Close()
		cancel()
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
