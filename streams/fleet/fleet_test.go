package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/fleet"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; nothing waits as long unless it fails.
const patience = 3 * time.Minute

// ship is a service that is ready and ends when the test says so.
type ship struct {
	ready, free chan struct{}
	// stop tells it to stop, end lets it end then and waits for it.
	stop, end func()
}

func (s *ship) Ready() <-chan struct{} { return s.ready }

func (s *ship) Run(ctx context.Context) error {
	<-ctx.Done()
	<-s.free
	return nil
}

// sail runs a service until the test ends it, or ends.
func sail(t *testing.T, b fleet.Berth, name string) *ship {
	t.Helper()
	s := &ship{ready: make(chan struct{}), free: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Member(name, s).Service.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	s.stop = cancel
	s.end = sync.OnceFunc(func() {
		cancel()
		close(s.free)
		<-done
	})
	t.Cleanup(s.end)
	return s
}

// until lists until what answers is as wanted.
func until(t *testing.T, nc *nats.Conn, what string, enough func([]fleet.Instance) bool) []fleet.Instance {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		got, err := fleet.List(t.Context(), nc, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if enough(got) {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("never %s: %+v", what, got)
		}
	}
}

func names(fleet []fleet.Instance) []string {
	out := []string{}
	for _, one := range fleet {
		out = append(out, one.Service+"/"+one.Name)
	}
	return out
}

// ask asks one subject until somebody answers.
func ask(t *testing.T, nc *nats.Conn, subject string) *nats.Msg {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		msg, err := nc.Request(subject, nil, patience)
		if err == nil {
			return msg
		}
		if !errors.Is(err, nats.ErrNoResponders) || time.Now().After(deadline) {
			t.Fatalf("ask %s: %v", subject, err)
		}
	}
}

func TestServicesAreSeenWhileTheyRun(t *testing.T) {
	nc := natstest.Start(t).Conn(t)
	if got, err := fleet.List(t.Context(), nc, patience); err != nil || len(got) != 0 {
		t.Fatalf("before: %v, %v", got, err)
	}
	one, two := fleet.Berth{NATS: nc, Instance: "one", Log: zerolog.Nop()}, fleet.Berth{NATS: nc, Instance: "two", Log: zerolog.Nop()}
	sail(t, one, "matcher")
	sail(t, one, "ingest")
	last := sail(t, two, "matcher")
	all := []string{"ingest/one", "matcher/one", "matcher/two"}
	until(t, nc, "all seen", func(got []fleet.Instance) bool {
		return cmp.Equal(all, slices.Sorted(slices.Values(names(got))))
	})
	last.end()
	until(t, nc, "one gone", func(got []fleet.Instance) bool {
		return cmp.Equal(all[:2], slices.Sorted(slices.Values(names(got))))
	})
}

func TestHealthSaysWhatReadyzSays(t *testing.T) {
	nc := natstest.Start(t).Conn(t)
	s := sail(t, fleet.Berth{NATS: nc, Instance: "one", Log: zerolog.Nop()}, "matcher")
	health := func(code, body string) {
		t.Helper()
		msg := ask(t, nc, "health.matcher")
		if got := msg.Header.Get(micro.ErrorCodeHeader); got != code || string(msg.Data) != body {
			t.Errorf("health is %q %s, want %q %s", got, msg.Data, code, body)
		}
		listed := until(t, nc, "seen", func(got []fleet.Instance) bool { return len(got) == 1 })
		if said, err := json.Marshal(listed[0].Readiness); err != nil || string(said) != body {
			t.Errorf("the statistics say %s, want %s", said, body)
		}
	}
	health("503", `{"ready":false,"waiting":["matcher"]}`)
	close(s.ready)
	health("", `{"ready":true,"waiting":[]}`)
	s.stop()
	health("503", `{"ready":false,"waiting":["matcher"]}`)
}

func TestTheProtocolOfMicroServicesIsAnswered(t *testing.T) {
	nc := natstest.Start(t).Conn(t)
	sail(t, fleet.Berth{NATS: nc, Instance: "one", Log: zerolog.Nop()}, "webhook-sender")
	until(t, nc, "seen", func(got []fleet.Instance) bool { return len(got) == 1 })
	var ping micro.Ping
	if err := json.Unmarshal(ask(t, nc, "$SRV.PING").Data, &ping); err != nil {
		t.Fatal(err)
	}
	if ping.Name != "billhook-webhook-sender" || ping.Metadata["instance"] != "one" || ping.Version == "" {
		t.Errorf("ping: %+v", ping)
	}
	var info micro.Info
	if err := json.Unmarshal(ask(t, nc, "$SRV.INFO.billhook-webhook-sender").Data, &info); err != nil {
		t.Fatal(err)
	}
	if len(info.Endpoints) != 1 || info.Endpoints[0].Name != "health" || info.Endpoints[0].Subject != "health.webhook-sender" {
		t.Errorf("info: %+v", info)
	}
	ask(t, nc, "health.webhook-sender")
	var stats micro.Stats
	if err := json.Unmarshal(ask(t, nc, "$SRV.STATS.billhook-webhook-sender."+ping.ID).Data, &stats); err != nil {
		t.Fatal(err)
	}
	if len(stats.Endpoints) != 1 || stats.Started.IsZero() {
		t.Errorf("stats: %+v", stats)
	}
}

func TestServicesOfOthersAreNotListed(t *testing.T) {
	nc := natstest.Start(t).Conn(t)
	other, err := micro.AddService(nc, micro.Config{Name: "others", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Stop() //nolint:errcheck // the test ends
	sail(t, fleet.Berth{NATS: nc, Instance: "one", Log: zerolog.Nop()}, "mailer")
	until(t, nc, "seen alone", func(got []fleet.Instance) bool { return cmp.Equal([]string{"mailer/one"}, names(got)) })
}

func TestServicesAreSeenAgainAfterTheServerRestarted(t *testing.T) {
	srv := natstest.Start(t)
	sail(t, fleet.Berth{NATS: srv.Conn(t), Instance: "one", Log: zerolog.Nop()}, "mailer")
	seen := func(got []fleet.Instance) bool { return len(got) == 1 }
	until(t, srv.Conn(t), "seen", seen)
	srv.Restart(t)
	until(t, srv.Conn(t), "seen again", seen)
}

func TestAServiceWithoutAConnectionDoesNotRun(t *testing.T) {
	nc := natstest.Start(t).Conn(t)
	nc.Close()
	m := fleet.Berth{NATS: nc, Log: zerolog.Nop()}.Member("mailer", &ship{})
	if err := m.Service.Run(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("run: %v", err)
	}
	if _, err := fleet.List(t.Context(), nc, time.Second); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("list: %v", err)
	}
}

func TestAMemberIsReadyWhenItsServiceIs(t *testing.T) {
	s := &ship{ready: make(chan struct{})}
	m := fleet.Berth{}.Member("mailer", s)
	if m.Name != "mailer" || m.Service.Ready() != s.Ready() {
		t.Errorf("%+v", m)
	}
	var _ process.Service = m.Service
}
