package cursor_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/batch"
	"github.com/billhook/billhook/streams/natstest"
)

// BenchmarkPass compares a cursor that passes every message on with bare
// batches of the same messages.
func BenchmarkPass(b *testing.B) {
	for _, sync := range []struct {
		name string
		opts []natstest.Option
	}{{"interval", nil}, {"always", []natstest.Option{natstest.WithSyncAlways()}}} {
		b.Run("sync="+sync.name+"/cursor", func(b *testing.B) { benchCursor(b, sync.opts) })
		b.Run("sync="+sync.name+"/bare", func(b *testing.B) { benchBare(b, sync.opts) })
	}
}

var payload = make([]byte, 500)

func benchCursor(b *testing.B, opts []natstest.Option) {
	r := newRig(b, opts...)
	for i := range b.N {
		_, err := r.js.PublishAsync("src.a", payload)
		r.must(err)
		if i%1000 == 999 {
			<-r.js.PublishAsyncComplete()
		}
	}
	<-r.js.PublishAsyncComplete()
	b.ResetTimer()
	r.start(handler{})
	r.eventually("all are passed on", func() bool {
		str, err := r.js.Stream(r.ctx(), sink)
		return err == nil && str.CachedInfo().State.Msgs == uint64(b.N)
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

func benchBare(b *testing.B, opts []natstest.Option) {
	r := newRig(b, opts...)
	js := r.srv.JetStream(b)
	b.ResetTimer()
	for left := b.N; left > 0; {
		msgs := make([]*nats.Msg, min(left, batch.MaxMessages))
		for i := range msgs {
			msgs[i] = &nats.Msg{Subject: "out.1.x", Data: payload, Header: nats.Header{jetstream.ExpectedStreamHeader: {sink}}}
		}
		_, err := batch.Publish(r.ctx(), js, msgs)
		r.must(err)
		left -= len(msgs)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}
