package conformance_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/fleet"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/tests/harness"
)

// idle is a service that is ready from the beginning.
type idle struct{ ready chan struct{} }

func (s idle) Ready() <-chan struct{} { return s.ready }

func (s idle) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// atSea runs every service's registration as its own user until the test ends.
func atSea(t *testing.T, broker *natstest.Server) {
	t.Helper()
	for _, user := range permission.Services() {
		nc := broker.Conn(t, permissiontest.As(user)...)
		s := idle{ready: make(chan struct{})}
		close(s.ready)
		m := fleet.Berth{NATS: nc, Instance: "one", Log: zerolog.Nop()}.Member(user, s)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Service.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("%s: %v", user, err)
			}
		})
	}
}

// subjectsOf are where a tool asks about a service, and the service answers.
func subjectsOf(service string) []string {
	name := subject.MicroService(service)
	return []string{"$SRV.PING", "$SRV.PING." + name, "$SRV.INFO." + name, "$SRV.STATS." + name, subject.Health(service)}
}

// That nobody else can ask is in the table of what each may publish.
func TestTheOperatorSeesTheFleetOfRestrictedUsers(t *testing.T) {
	broker := harness.Broker(t, "acme")
	atSea(t, broker)
	operator := broker.Conn(t, permissiontest.As(permission.Operator)...)
	want := slices.Sorted(slices.Values(permission.Services()))
	for got, deadline := []string(nil), time.Now().Add(time.Minute); !cmp.Equal(want, got); {
		if time.Now().After(deadline) {
			t.Fatalf("the operator sees %v, want %v", got, want)
		}
		all, err := fleet.List(t.Context(), operator, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		for _, one := range all {
			got = append(got, one.Service)
		}
	}
	// As the nats command logs in: with the user and nothing more.
	tool := broker.Conn(t, permissiontest.As(permission.Operator)[0])
	for _, service := range permission.Services() {
		for _, s := range subjectsOf(service) {
			if _, err := tool.Request(s, nil, time.Minute); err != nil {
				t.Errorf("%s: the operator gets %v", s, err)
			}
		}
	}
}
