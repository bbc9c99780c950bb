package link_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/link"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a log that tests may read while it is written.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.b.String(), text)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-ticker.C:
		}
	}
}

func TestALinkOutlivesARestartOfTheServer(t *testing.T) {
	srv := natstest.Start(t)
	log := &sink{}
	nc, js, err := link.Connect(context.Background(), link.Settings{URL: srv.URL, Name: "test"}, zerolog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	srv.Restart(t)
	eventually(t, "the link is restored", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := js.AccountInfo(ctx)
		return err == nil
	})
	eventually(t, "both are logged", func() bool { return log.has("connection lost") && log.has("connection restored") })
}

func TestADeniedPermissionIsLoggedAsAnError(t *testing.T) {
	srv := natstest.Start(t, natstest.WithLogin("u", "canary-password", "allowed"))
	log := &sink{}
	s := link.Settings{URL: srv.URL, User: "u", Password: secret.NewText("canary-password")}
	nc, _, err := link.Connect(context.Background(), s, zerolog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.Publish("denied", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is logged", func() bool { return log.has(`"level":"error"`) && log.has("denied") })
	if log.has("canary-password") {
		t.Error("the password is in the log")
	}
}

func TestWrongCredentialsFailAtOnce(t *testing.T) {
	srv := natstest.Start(t, natstest.WithLogin("u", "right", "allowed"))
	s := link.Settings{URL: strings.Replace(srv.URL, "://", "://u:wrong@", 1)}
	_, _, err := link.Connect(context.Background(), s, zerolog.Nop())
	if strings.Contains(fmt.Sprint(err), "wrong") {
		t.Errorf("the password is in the error: %v", err)
	}
	if fault.KindOf(err) != fault.Denied {
		t.Fatalf("error %v, want denied", err)
	}
}

func TestTheFirstConnectionIsTriedUntilTheContextEnds(t *testing.T) {
	srv := natstest.Start(t)
	srv.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, _, err := link.Connect(ctx, link.Settings{URL: srv.URL}, zerolog.Nop())
	if fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("error %v, want unavailable", err)
	}
	connected := make(chan *nats.Conn, 1)
	settings := link.Settings{URL: srv.URL}
	go func() {
		nc, _, err := link.Connect(context.Background(), settings, zerolog.Nop())
		if err != nil {
			t.Error(err)
		}
		connected <- nc
	}()
	srv.Resume(t)
	(<-connected).Close()
}

func TestAttachNeedsNoSocket(t *testing.T) {
	srv := natstest.Start(t)
	nc, js, err := link.Attach(srv.InProcess(), "all-in-one", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := js.AccountInfo(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestAnAddressThatNamesNoServerIsRefused(t *testing.T) {
	for _, wrong := range []string{"", "nats://", "://", "http://127.0.0.1:4222", "nats://127.0.0.1:4222,", "nats://127.0.0.1:port", "nonsense://", "a b"} {
		if p := (&link.Settings{URL: wrong}).Check(); len(p) != 1 || p[0].Pointer != "/NATS_URL" {
			t.Errorf("%q: problems %v", wrong, p)
		}
	}
	for _, right := range []string{"nats://127.0.0.1:4222", "127.0.0.1", "nats.example.com:4222", "nats://[::1]:4222", "tls://a.example.com, tls://b.example.com:4443", "wss://user:pass@nats.example.com"} {
		if p := (&link.Settings{URL: right}).Check(); len(p) > 0 {
			t.Errorf("%q: problems %v", right, p)
		}
	}
}

func TestSettingsThatContradictAreRefused(t *testing.T) {
	for name, s := range map[string]link.Settings{
		"NATS_URL":       {},
		"NATS_PASSWORD":  {URL: "nats://x", Password: secret.NewText("p")},
		"NATS_CERT_FILE": {URL: "nats://x", CertFile: "c"},
		"NATS_USER":      {URL: "nats://x", User: "u", Token: secret.NewText("t")},
	} {
		p := s.Check()
		if len(p) != 1 || p[0].Pointer != "/"+name {
			t.Errorf("%s: problems %v", name, p)
		}
		if _, _, err := link.Connect(context.Background(), s, zerolog.Nop()); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: connect gave %v", name, err)
		}
	}
}
