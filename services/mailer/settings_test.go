package mailer_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestTheNextMailGoesByTheDefaultOfItsMomentAndANamedSetIsKept(t *testing.T) {
	main, other := smtptest.Start(t, smtptest.Script{}), smtptest.Start(t, smtptest.Script{})
	r := start(t, main, other)
	r.putEmail(t, plain("follows", "a@example.com"))
	named := plain("named", "b@example.com")
	named.SMTP = "main"
	r.putEmail(t, named)
	r.run(t, config(t), "")

	r.happen(t, "follows")
	r.happen(t, "named")
	r.outcomes(t, final(2))
	if _, err := r.store.SetDefaultSMTP(t.Context(), acme, "other"); err != nil {
		t.Fatal(err)
	}
	// The next events happen once the mailer knows of the change: it is asked
	// by sending until a mail takes the new way.
	patience := within(t)
	for n := 3; len(other.Letters()) == 0; n++ {
		r.happen(t, "follows")
		r.outcomes(t, final(n))
		if patience.Err() != nil {
			t.Fatal("no mail takes the new default")
		}
	}
	before := len(main.Letters())
	r.happen(t, "named")
	if got := main.Await(within(t), t, before+1); got[before].To[0] != "b@example.com" {
		t.Errorf("the mail with its own settings went elsewhere: %v", got[before].To)
	}
	if h, _ := read(t, other.Letters()[0]); h.Get("From") != `"Acme other" <other@acme.example>` {
		t.Errorf("From is %q", h.Get("From"))
	}
}

func TestARefusedLoginBurnsNoAttemptAndTellsNoPassword(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Auth: func(_, password string) error {
		if password == "mended" {
			return nil
		}
		return smtptest.Reply(535, "wrong password "+password)
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.Retry = c.Retry[:1] // one attempt that counts
	r.run(t, c, "")
	r.happen(t, "e")
	failed := r.outcomes(t, func(all []delivery.Outcome) bool { return len(all) == 2 })
	for _, o := range failed {
		if o.Result != delivery.Retrying || o.Reason != "smtp_auth" || o.Status != 535 {
			t.Errorf("outcome %+v", o)
		}
		if strings.Contains(o.Detail+o.Recipients[0].Detail, smtptest.Password) {
			t.Errorf("the outcome tells the password: %+v", o)
		}
	}
	r.putSMTP(t, "main", "mended", true)
	got := r.outcomes(t, final(1))
	if last := got[len(got)-1]; last.Result != delivery.Delivered {
		t.Errorf("outcome %+v", last)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(r.logs.String(), smtptest.Password) {
		t.Error("the log tells the password")
	}
}

func TestOneFaultyLoginIsTriedOnceForAllWhoWait(t *testing.T) {
	var mu sync.Mutex
	tries := 0
	srv := smtptest.Start(t, smtptest.Script{Auth: func(string, string) error {
		mu.Lock()
		defer mu.Unlock()
		tries++
		return smtptest.Reply(535, "no")
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.SettingsRetry, c.Connections = time.Hour, 1
	for range 20 {
		r.happen(t, "e")
	}
	r.run(t, c, "")
	r.outcomes(t, func(all []delivery.Outcome) bool { return len(all) > 0 })
	r.pending(t, 20)
	mu.Lock()
	defer mu.Unlock()
	if tries != 1 {
		t.Errorf("%d logins were tried", tries)
	}
}

// pending waits until so many retries are set.
func (r *rig) pending(t *testing.T, n int) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := r.js.Stream(ctx, topology.Retries)
		must(t, err)
		info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject.RetriesSet(delivery.Email)))
		must(t, err)
		if len(info.State.Subjects) == n {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d retries are set, want %d", len(info.State.Subjects), n)
		}
	}
}

func TestASlowServerHoldsUpNobodyElse(t *testing.T) {
	wait := make(chan struct{})
	slow := smtptest.Start(t, smtptest.Script{Data: func(smtptest.Letter) error { <-wait; return nil }})
	t.Cleanup(func() { close(wait) })
	fast := smtptest.Start(t, smtptest.Script{})
	r := start(t, slow, fast)
	r.putEmail(t, plain("slow", "a@example.com"))
	quick := plain("fast", "b@example.com")
	quick.SMTP = "other"
	r.putEmail(t, quick)
	c := config(t)
	c.Concurrency, c.Connections, c.Waiting, c.MaxAckPending = 8, 2, 8, 16
	c.Patience = 10 * time.Millisecond
	r.run(t, c, "")
	for range 60 {
		r.happen(t, "slow")
	}
	for range 30 {
		r.happen(t, "fast")
	}
	fast.Await(within(t), t, 30)
}

func TestWithoutSettingsADeliveryWaitsForThem(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	book, err := r.js.KeyValue(t.Context(), topology.SMTP)
	must(t, err)
	kept, err := book.Get(t.Context(), acme)
	must(t, err)
	must(t, book.Delete(t.Context(), acme))
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, func(all []delivery.Outcome) bool { return len(all) == 1 })
	if got[0].Result != delivery.Retrying || got[0].Reason != "smtp_settings" {
		t.Errorf("outcome %+v", got[0])
	}
	_, err = book.Put(t.Context(), acme, kept.Value())
	must(t, err)
	if got = r.outcomes(t, final(1)); got[len(got)-1].Result != delivery.Delivered {
		t.Errorf("outcomes %+v", got)
	}
}

func TestAGreetingThatIsNoNameIsRefused(t *testing.T) {
	for _, name := range []string{"", "a b", "mail.example.com\r\nQUIT", "mäil.example.com", strings.Repeat("a", 256)} {
		c := config(t)
		c.HelloName = name
		if p := c.Check(); len(p) != 1 || p[0].Pointer != "/MAILER_HELLO_NAME" {
			t.Errorf("%q: problems %v", name, p)
		}
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	c := config(t)
	c.Connections, c.HelloName, c.MaxAckPending, c.Retry = 0, "", 1, nil
	_, err := mailer.New(c, mailer.Deps{})
	for _, name := range []string{"MAILER_CONNECTIONS", "MAILER_HELLO_NAME", "MAILER_MAX_ACK_PENDING", "MAILER_RETRY"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not refused: %v", name, err)
		}
	}
}
