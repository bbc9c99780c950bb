package smtp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	server "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func envelope(to ...string) letter.Envelope {
	return letter.Envelope{From: "billing@acme.example", Recipients: to,
		Message: []byte("Subject: x\r\n\r\n.hidden dot\r\nend\r\n")}
}

func TestConnectionsAreKept(t *testing.T) {
	b := setup(t, &script{}, true)
	for range 3 {
		if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	if b.script.sessions != 2 { // one before STARTTLS, one after, on one connection
		t.Errorf("%d sessions for 3 letters, want the 2 of one connection", b.script.sessions)
	}
	if want := "Subject: x\r\n\r\n.hidden dot\r\nend\r\n"; b.script.letters[0] != want {
		t.Errorf("the server read %q, want %q", b.script.letters[0], want)
	}
}

func TestAConnectionIsNotKeptPastItsAge(t *testing.T) {
	b := setup(t, &script{}, true)
	for range 2 {
		if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(2 * time.Minute)
	}
	if b.script.sessions != 4 {
		t.Errorf("%d sessions, want those of two connections", b.script.sessions)
	}
}

func TestOneRefusedRecipientLeavesTheOthersDelivered(t *testing.T) {
	b := setup(t, &script{rcpt: func(to string) error {
		if to == "gone@example.com" {
			return &server.SMTPError{Code: 550, Message: "no such user"}
		}
		return nil
	}}, true)
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
	if len(b.script.letters) != 1 {
		t.Errorf("%d letters were taken, want 1", len(b.script.letters))
	}
}

func TestALetterThatNobodyTakesLeavesTheConnectionUsable(t *testing.T) {
	refuse := true
	b := setup(t, &script{rcpt: func(string) error {
		if refuse {
			return &server.SMTPError{Code: 550, Message: "no"}
		}
		return nil
	}}, true)
	if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
		t.Fatal(err)
	}
	refuse = false
	if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
		t.Fatal(err)
	}
	if b.script.sessions != 2 {
		t.Errorf("%d sessions, want the 2 of one connection", b.script.sessions)
	}
}

func TestFailuresAreClassified(t *testing.T) {
	reply := func(code int) func() error {
		return func() error { return &server.SMTPError{Code: code, Message: "scripted"} }
	}
	cases := []struct {
		name    string
		script  *script
		plain   bool
		change  func(*smtp.Server)
		class   smtp.Class
		stage   string
		contain string
	}{
		{name: "sender refused for good", script: &script{mail: reply(550)}, class: smtp.Settings, stage: "mail"},
		{name: "sender refused for now", script: &script{mail: reply(451)}, class: smtp.Transient, stage: "mail"},
		{name: "letter refused for good", script: &script{data: reply(554)}, class: smtp.Permanent, stage: "data"},
		{name: "letter refused for now", script: &script{data: reply(452)}, class: smtp.Transient, stage: "data"},
		{name: "lost after the final dot", script: &script{dropAfterDot: 1}, class: smtp.Ambiguous, stage: "data"},
		{name: "wrong password", script: &script{}, change: func(s *smtp.Server) { s.Password = secret.NewText("wrong") },
			class: smtp.Settings, stage: "auth"},
		{name: "no STARTTLS although mandatory", script: &script{}, plain: true, class: smtp.Settings, stage: "tls"},
		{name: "certificate of another name", script: &script{}, change: func(s *smtp.Server) { s.Host = "other.test" },
			class: smtp.Settings, stage: "tls"},
		{name: "password over clear text", script: &script{}, plain: true,
			change: func(s *smtp.Server) { s.TLS = smtp.TLSOpportunistic },
			class:  smtp.Settings, stage: "auth", contain: "without TLS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := setup(t, c.script, !c.plain)
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
			if strings.Contains(err.Error(), "right") || strings.Contains(err.Error(), "wrong\"") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestAKeptConnectionThatTheServerClosedIsReplaced(t *testing.T) {
	b := setup(t, &script{}, true)
	send := func() {
		t.Helper()
		if _, err := b.pool.Send(context.Background(), b.server, envelope("a@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	send()
	for _, c := range b.script.conns {
		_ = c.Close()
	}
	send()
	if len(b.script.letters) != 2 {
		t.Errorf("%d letters, want 2", len(b.script.letters))
	}
}

func TestAnAddressBeyondASCIINeedsSMTPUTF8(t *testing.T) {
	b := setup(t, &script{}, true)
	_, err := b.pool.Send(context.Background(), b.server, envelope("käthe@example.com"))
	var f *smtp.Failure
	if !errors.As(err, &f) || f.Class != smtp.Permanent {
		t.Errorf("got %v, want a permanent failure", err)
	}
}

func TestACancelledContextEndsASend(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	b := setup(t, &script{mail: func() error { cancel(); return nil }, data: func() error { <-ctx.Done(); return nil }}, true)
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
	case <-time.After(5 * time.Second):
		t.Error("the send did not end")
	}
}
