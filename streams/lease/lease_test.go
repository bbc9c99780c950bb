package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/streams/lease"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rests is a TTL that a machine which stands still for a second does not lose.
const rests = 5 * time.Second

func setup(t *testing.T) (context.Context, *natstest.Server, jetstream.JetStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	topologytest.Ensure(t, js, topologytest.WithPartitions(1))
	return ctx, srv, js
}

// held runs a holding until the returned function is called, which gives what
// Hold returned.
func held(ctx context.Context, t *testing.T, k *lease.Keeper) (release func() error) {
	t.Helper()
	began, end, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		result <- k.Hold(ctx, func(ctx context.Context) error {
			close(began)
			select {
			case <-end:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	select {
	case <-began:
	case err := <-result:
		t.Fatalf("not held: %v", err)
	}
	return func() error {
		close(end)
		return <-result
	}
}

func nothing(context.Context) error { return nil }

func TestOnlyOneHoldsALease(t *testing.T) {
	ctx, _, js := setup(t)
	release := held(ctx, t, lease.New(js, "a", "one", time.Minute))
	err := lease.New(js, "a", "two", time.Minute).Hold(ctx, nothing)
	if !errors.Is(err, lease.ErrHeld) {
		t.Fatalf("second holder got %v, want %v", err, lease.ErrHeld)
	}
	if err := lease.New(js, "b", "two", time.Minute).Hold(ctx, nothing); err != nil {
		t.Fatalf("another lease: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if err := lease.New(js, "a", "two", time.Minute).Hold(ctx, nothing); err != nil {
		t.Fatalf("after the release: %v", err)
	}
}

func TestALeaseIsHeldBeyondItsTTLWhileItIsRenewed(t *testing.T) {
	t.Parallel()
	ctx, _, js := setup(t)
	release := held(ctx, t, lease.New(js, "a", "one", rests))
	other := lease.New(js, "a", "two", rests)
	for end := time.Now().Add(rests + time.Second); time.Now().Before(end); {
		if err := other.Await(ctx); err != nil {
			t.Fatal(err)
		}
		if err := other.Hold(ctx, nothing); !errors.Is(err, lease.ErrHeld) {
			t.Fatalf("second holder got %v, want %v", err, lease.ErrHeld)
		}
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestALeaseOfADeadHolderEnds(t *testing.T) {
	ctx, srv, js := setup(t)
	dead := srv.Conn(t)
	deadJS, err := jetstream.New(dead)
	if err != nil {
		t.Fatal(err)
	}
	release := held(ctx, t, lease.New(deadJS, "a", "one", lease.MinTTL))
	dead.Close()
	k := lease.New(js, "a", "two", lease.MinTTL)
	for {
		err := k.Hold(ctx, nothing)
		if err == nil {
			break
		}
		if !errors.Is(err, lease.ErrHeld) {
			t.Fatal(err)
		}
		if err := k.Await(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// The dead holder knew before the other could begin.
	if err := release(); !errors.Is(err, lease.ErrLost) && err != nil {
		t.Fatalf("dead holder got %v", err)
	}
}

func TestAHolderThatCannotRenewStopsBeforeTheLeaseEnds(t *testing.T) {
	t.Parallel()
	ctx, srv, js := setup(t)
	start := time.Now()
	lost := make(chan time.Duration, 1)
	err := lease.New(js, "a", "one", rests).Hold(ctx, func(ctx context.Context) error {
		// Stopping a server may take longer than the lease lasts.
		context.AfterFunc(ctx, func() { lost <- time.Since(start) })
		srv.Stop()
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(err, lease.ErrLost) {
		t.Fatalf("work ended with %v, want %v", err, lease.ErrLost)
	}
	if after := <-lost; after >= rests {
		t.Fatalf("work ended %s after the lease was taken", after)
	}
}

func TestALeaseIsTakenAgainAfterARestartOfTheServer(t *testing.T) {
	ctx, srv, js := setup(t)
	k := lease.New(js, "a", "one", lease.MinTTL)
	err := k.Hold(ctx, func(ctx context.Context) error {
		srv.Restart(t)
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(err, lease.ErrLost) {
		t.Fatalf("work ended with %v, want %v", err, lease.ErrLost)
	}
	// The server forgot the bucket; the keeper makes it again.
	if err := k.Hold(ctx, nothing); err != nil {
		t.Fatal(err)
	}
}

func TestWhoWaitsHearsOfTheReleaseAtOnce(t *testing.T) {
	ctx, _, js := setup(t)
	release := held(ctx, t, lease.New(js, "a", "one", time.Hour))
	waited := make(chan error, 1)
	go func() { waited <- lease.New(js, "a", "two", time.Hour).Await(ctx) }()
	if err := release(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-waited:
		if err != nil {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("nobody told that the lease is free")
	}
}
