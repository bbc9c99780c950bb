// Package topologytest is a NATS server with every stream and bucket for tests,
// as [topology.Defaults] describes them. It refuses to put anything into them.
package topologytest

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

// Option changes what is made.
type Option func(*topology.Settings)

// WithPartitions makes n partitions. Fewer are made faster.
func WithPartitions(n int) Option {
	return func(s *topology.Settings) { s.Partitions = n }
}

// JetStream returns a JetStream context on a server of its own that has
// everything. The server ends with the test.
func JetStream(t testing.TB, opts ...Option) jetstream.JetStream {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	Ensure(t, js, opts...)
	return js
}

// Ensure makes everything on a server that the test started. It fails the test
// where that cannot be made.
func Ensure(t testing.TB, js jetstream.JetStream, opts ...Option) {
	t.Helper()
	settings := topology.Defaults()
	for _, opt := range opts {
		opt(&settings)
	}
	if err := topology.Ensure(t.Context(), js, settings); err != nil {
		t.Fatal(err)
	}
}
