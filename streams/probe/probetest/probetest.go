// Package probetest has a test answer the questions of probes in place of a
// sender. It refuses to say anything about what is asked.
package probetest

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/probe"
)

// Answer has an answerer answer until the test ends. It returns once questions
// are heard.
func Answer[Q, R any](t testing.TB, nc *nats.Conn, a *probe.Answerer[Q, R]) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	heard, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, nc, func() { close(heard) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-heard:
	case <-time.After(time.Minute):
		t.Fatal("never heard")
	}
}
