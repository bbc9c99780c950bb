package smtp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func envelope(to ...string) letter.Envelope {
	return letter.Envelope{From: "billing@acme.example", Recipients: to,
		Message: []byte("Subject: x\r\n\r\n.hidden dot\r\nend\r\n")}
}

func TestConnectionsAreKept(t *testing.T) {
	b := setup(t, smtptest.Script{})
	for range 3 {
		if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	if b.Opened() != 1 {
		t.Errorf("%d connections for 3 letters", b.Opened())
	}
	if want := "Subject: x\r\n\r\n.hidden dot\r\nend\r\n"; b.Letters()[0].Data != want {
		t.Errorf("the server read %q, want %q", b.Letters()[0].Data, want)
	}
}

func TestAConnectionIsNotKeptPastItsAge(t *testing.T) {
	b := setup(t, smtptest.Script{})
	for range 2 {
		if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(2 * time.Minute)
	}
	if b.Opened() != 2 {
		t.Errorf("%d connections, want 2", b.Opened())
	}
}

func TestOneRefusedRecipientLeavesTheOthersDelivered(t *testing.T) {
	b := setup(t, smtptest.Script{Rcpt: func(to string) error {
		if to == "gone@example.com" {
			return smtptest.Reply(550, "no such user")
		}
		return nil
	}})
	replies, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com", "gone@example.com", "b@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	var codes []int
	for _, r := range replies {
		codes = append(codes, r.Code)
	}
	if diff := cmp.Diff([]int{250, 550, 250}, codes); diff != "" {
		t.Errorf("replies (-want +got):\n%s", diff)
	}
	if len(b.Letters()) != 1 {
		t.Errorf("%d letters were taken, want 1", len(b.Letters()))
	}
}

func TestALetterThatNobodyTakesLeavesTheConnectionUsable(t *testing.T) {
	refuse := true
	b := setup(t, smtptest.Script{Rcpt: func(string) error {
		if refuse {
			return smtptest.Reply(550, "no")
		}
		return nil
	}})
	if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
		t.Fatal(err)
	}
	refuse = false
	if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
		t.Fatal(err)
	}
	if b.Opened() != 1 {
		t.Errorf("%d connections, want 1", b.Opened())
	}
}

func TestFailuresAreClassified(t *testing.T) {
	mail := func(code int) func(string) error {
		return func(string) error { return smtptest.Reply(code, "scripted") }
	}
	data := func(code int) func(smtptest.Letter) error {
		return func(smtptest.Letter) error { return smtptest.Reply(code, "scripted") }
	}
	cases := []struct {
		name    string
		script  smtptest.Script
		change  func(*smtp.Server)
		class   smtp.Class
		stage   string
		contain string
	}{
		{name: "sender refused for good", script: smtptest.Script{Mail: mail(550)}, class: smtp.Settings, stage: "mail"},
		{name: "sender refused for now", script: smtptest.Script{Mail: mail(451)}, class: smtp.Transient, stage: "mail"},
		{name: "letter refused for good", script: smtptest.Script{Data: data(554)}, class: smtp.Permanent, stage: "data"},
		{name: "letter refused for now", script: smtptest.Script{Data: data(452)}, class: smtp.Transient, stage: "data"},
		{name: "lost after the final dot", script: smtptest.Script{DropAfterDot: func(smtptest.Letter) bool { return true }}, class: smtp.Ambiguous, stage: "data"},
		{name: "wrong password", change: func(s *smtp.Server) { s.Password = secret.NewText("wrong") },
			class: smtp.Settings, stage: "auth"},
		{name: "no STARTTLS although mandatory", script: smtptest.Script{Plain: true}, class: smtp.Settings, stage: "tls"},
		{name: "certificate of another name", change: func(s *smtp.Server) { s.Host = "other.test" },
			class: smtp.Settings, stage: "tls"},
		{name: "password over clear text", script: smtptest.Script{Plain: true},
			change: func(s *smtp.Server) { s.TLS = smtp.TLSOpportunistic },
			class:  smtp.Settings, stage: "auth", contain: "without TLS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := setup(t, c.script)
			if c.change != nil {
				c.change(&b.server)
			}
			_, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com"))
			var f *smtp.Failure
			if !errors.As(err, &f) {
				t.Fatalf("got %v, want a failure", err)
			}
			if f.Class != c.class || f.Stage != c.stage || !strings.Contains(f.Error(), c.contain) {
				t.Errorf("got class %d at %s (%v), want class %d at %s", f.Class, f.Stage, f, c.class, c.stage)
			}
			if strings.Contains(err.Error(), smtptest.Password) || strings.Contains(err.Error(), "wrong\"") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestNoMoreConnectionsAreReservedThanThereMayBe(t *testing.T) {
	b := setup(t, smtptest.Script{})
	var leave []func()
	for range 2 {
		done, err := b.pool.Reserve(t.Context(), b.server)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.pool.Reserve(ctx, b.server); !errors.Is(err, context.Canceled) {
		t.Fatalf("a third connection was reserved: %v", err)
	}
	other := b.server
	other.Key = "acme.other.1"
	if done, err := b.pool.Reserve(t.Context(), other); err != nil {
		t.Errorf("another server's connections are taken too: %v", err)
	} else {
		done()
	}
	leave[0]()
	done, err := b.pool.Reserve(t.Context(), b.server)
	if err != nil {
		t.Fatal(err)
	}
	done()
	leave[1]()
}

func TestSettingsAtFaultAreNotTriedAgainForAWhile(t *testing.T) {
	logins := 0
	b := setup(t, smtptest.Script{Auth: func(string, string) error { logins++; return smtptest.Reply(535, "no") }})
	var last *smtp.Failure
	send := func(srv smtp.Server) {
		t.Helper()
		_, err := b.pool.Send(context.Background(), srv, envelope("a@example.com"))
		var f *smtp.Failure
		if !errors.As(err, &f) || f.Class != smtp.Settings || f.Stage != "auth" {
			t.Fatalf("got %v", err)
		}
		if f == last {
			t.Error("two sends share one failure")
		}
		last = f
	}
	send(b.server)
	send(b.server)
	if until, ok := b.pool.Held(b.server); !ok || until != b.clock.Now().Add(time.Minute) || logins != 1 {
		t.Errorf("held %v until %v after %d logins", ok, until, logins)
	}
	changed := b.server
	changed.Key = "acme.main.2"
	if _, ok := b.pool.Held(changed); ok {
		t.Error("changed settings are held")
	}
	send(changed)
	b.clock.Advance(time.Minute)
	send(b.server)
	if logins != 3 {
		t.Errorf("%d logins, want 3", logins)
	}
}

func TestAnAddressThatIsNotAllowedIsAFaultOfTheSettings(t *testing.T) {
	p := smtp.NewPool(smtp.Config{
		Dial:        func(context.Context, string, string) (net.Conn, error) { return nil, guard.ErrAddressNotAllowed },
		Connections: 1, Timeout: time.Second, SendTimeout: time.Second, Now: time.Now,
	})
	_, err := p.Send(context.Background(), smtp.Server{Host: "x.example"}, envelope("a@example.com"))
	var f *smtp.Failure
	if !errors.As(err, &f) || f.Class != smtp.Settings || f.Reason() != "address_not_allowed" {
		t.Errorf("got %v", err)
	}
}

func TestNoFormOfThePasswordIsRepeated(t *testing.T) {
	srv := smtp.Server{Username: "u", Password: secret.NewText("hunter2")}
	for _, text := range []string{"hunter2", "AHUAaHVudGVyMg==", "aHVudGVyMg=="} {
		if got := srv.Redact("535 " + text + " is wrong"); got != "535 [secret] is wrong" {
			t.Errorf("%s: %q", text, got)
		}
	}
	if got := (smtp.Server{}).Redact("text"); got != "text" {
		t.Errorf("got %q", got)
	}
}

func TestAKeptConnectionThatTheServerClosedIsReplaced(t *testing.T) {
	b := setup(t, smtptest.Script{})
	send := func() {
		t.Helper()
		if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	send()
	b.Cut()
	send()
	if len(b.Letters()) != 2 {
		t.Errorf("%d letters, want 2", len(b.Letters()))
	}
}

func TestAnAddressBeyondASCIINeedsSMTPUTF8(t *testing.T) {
	b := setup(t, smtptest.Script{})
	_, err := b.pool.Send(context.Background(), b.server, envelope("käthe@example.com"))
	var f *smtp.Failure
	if !errors.As(err, &f) || f.Class != smtp.Permanent {
		t.Errorf("got %v, want a permanent failure", err)
	}
}

func TestACancelledContextEndsASend(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	b := setup(t, smtptest.Script{
		Mail: func(string) error { cancel(); return nil },
		Data: func(smtptest.Letter) error { <-ctx.Done(); return nil },
	})
	done := make(chan error, 1)
	go func() {
		_, err := b.pool.Send(ctx, b.server, envelope("a@example.com"))
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a cancelled send reported success")
		}
	case <-time.After(time.Minute):
		t.Error("the send did not end")
	}
}
