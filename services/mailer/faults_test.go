package mailer_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/settle"
)

// first answers once, and says nothing of what follows.
func first(answer error) func() error {
	var once sync.Once
	return func() (err error) {
		once.Do(func() { err = answer })
		return err
	}
}

// Whatever a server does once, the letter arrives: those who had it get no
// other, the rest get the same bytes later, and the record tells both.
func TestWhatAServerDoesOnceDelaysALetterAndLosesNone(t *testing.T) {
	for _, c := range []struct {
		name   string
		script func(*smtptest.Script)
		reason string
		status int
		// results are those of a@ and b@ in the first outcome.
		a, b delivery.Result
	}{
		{"421 at MAIL", func(s *smtptest.Script) {
			answer := first(smtptest.Reply(421, "closing"))
			s.Mail = func(string) error { return answer() }
		}, "smtp_mail", 421, delivery.Retrying, delivery.Retrying},
		{"421 at the second RCPT", func(s *smtptest.Script) {
			answer := first(smtptest.Reply(421, "closing"))
			s.Rcpt = func(to string) error {
				if to == "b@example.com" {
					return answer()
				}
				return nil
			}
		}, "smtp_rcpt", 421, delivery.Retrying, delivery.Retrying},
		{"450 at one RCPT", func(s *smtptest.Script) {
			answer := first(smtptest.Reply(450, "mailbox busy"))
			s.Rcpt = func(to string) error {
				if to == "b@example.com" {
					return answer()
				}
				return nil
			}
		}, "recipient_deferred", 450, delivery.Delivered, delivery.Retrying},
		{"451 at DATA", func(s *smtptest.Script) {
			answer := first(smtptest.Reply(451, "local error"))
			s.Data = func(smtptest.Letter) error { return answer() }
		}, "smtp_data", 451, delivery.Retrying, delivery.Retrying},
		{"421 at DATA", func(s *smtptest.Script) {
			answer := first(smtptest.Reply(421, "shutting down"))
			s.Data = func(smtptest.Letter) error { return answer() }
		}, "smtp_data", 421, delivery.Retrying, delivery.Retrying},
		{"a connection that ends within the letter", func(s *smtptest.Script) {
			answer := first(smtptest.Reply(1, ""))
			s.DropInData = func() bool { return answer() != nil }
		}, "smtp_ambiguous", 0, delivery.Retrying, delivery.Retrying},
		{"a connection that ends behind the final dot", func(s *smtptest.Script) {
			answer := first(smtptest.Reply(1, ""))
			s.DropAfterDot = func(smtptest.Letter) bool { return answer() != nil }
		}, "smtp_ambiguous", 0, delivery.Retrying, delivery.Retrying},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := smtptest.Script{}
			c.script(&script)
			srv := smtptest.Start(t, script)
			r := start(t, srv, nil)
			r.putEmail(t, plain("e", "a@example.com", "b@example.com"))
			r.run(t, config(t), "")
			r.happen(t, "e")
			got := r.outcomes(t, final(1))
			if len(got) != 2 || got[0].Result != delivery.Retrying || got[0].Reason != c.reason || got[0].Status != c.status ||
				got[0].NextAt.IsZero() || got[1].Result != delivery.Delivered {
				t.Fatalf("outcomes %+v", got)
			}
			results := map[string]delivery.Result{}
			for _, rec := range got[0].Recipients {
				results[rec.Address] = rec.Result
			}
			if diff := cmp.Diff(map[string]delivery.Result{"a@example.com": c.a, "b@example.com": c.b}, results); diff != "" {
				t.Errorf("first outcome (-want +got):\n%s", diff)
			}
			judgeTaken(t, srv.Letters())
		})
	}
}

// judgeTaken wants each of both to have the letter once, and all copies to be
// the same.
func judgeTaken(t *testing.T, letters []smtptest.Letter) {
	t.Helper()
	has := map[string]int{}
	for _, l := range letters {
		for _, to := range l.To {
			has[to]++
		}
		if diff := cmp.Diff(letters[0].Data, l.Data); diff != "" {
			t.Errorf("a repeat differs:\n%s", diff)
		}
	}
	if diff := cmp.Diff(map[string]int{"a@example.com": 1, "b@example.com": 1}, has); diff != "" {
		t.Errorf("letters taken for each (-want +got):\n%s", diff)
	}
}

func TestAnAmbiguousLetterIsHeldWhereTheOperatorHasItSo(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{DropAfterDot: func(smtptest.Letter) bool { return true }})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.Ambiguous = mailer.Hold
	r.run(t, c, "")
	r.happen(t, "e")
	got := r.outcomes(t, final(1))
	if len(got) != 1 || got[0].Result != delivery.Parked || got[0].Reason != "smtp_ambiguous" || got[0].Recipients[0].Result != delivery.Parked {
		t.Errorf("outcomes %+v", got)
	}
	if reason := r.parked(t).Header.Get(settle.HeaderReason); reason != "smtp_ambiguous" {
		t.Errorf("parked for %q", reason)
	}
}

func TestALetterThatACrashLeftOpenIsHeldToo(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.Ambiguous = mailer.Hold
	i := r.run(t, c, "mailer-sent")
	r.happen(t, "e")
	<-i.dead
	i.stop()
	r.run(t, c, "")
	got := r.outcomes(t, final(1))
	if len(got) != 1 || got[0].Result != delivery.Parked || got[0].Reason != "smtp_ambiguous" || len(srv.Letters()) != 1 {
		t.Errorf("%d letters, outcomes %+v", len(srv.Letters()), got)
	}
}

func TestEachLetterOfADeliveryHasAScheduleAndARecordOfItsOwn(t *testing.T) {
	answer := first(smtptest.Reply(451, "greylisted"))
	srv := smtptest.Start(t, smtptest.Script{Rcpt: func(to string) error {
		switch to {
		case "ada@example.com":
			return answer()
		case "gone@example.com":
			return smtptest.Reply(550, "no such user")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, email.Spec{
		ID: "e", Subject: "x", Text: "{{Contact.FirstName}}",
		To: []email.Recipient{{ContactType: "billing"}, {ContactType: "technical"}}, CC: []email.Recipient{{Address: "gone@example.com"}},
	}, ofStatus)
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, final(1))
	type record struct {
		Letter int
		Result delivery.Result
		To     map[string]delivery.Result
	}
	var records []record
	for _, o := range got {
		rec := record{o.Letter.Number, o.Result, map[string]delivery.Result{}}
		for _, p := range o.Recipients {
			rec.To[p.Address] = p.Result
		}
		records = append(records, rec)
	}
	want := []record{
		{1, delivery.Retrying, map[string]delivery.Result{"ada@example.com": delivery.Retrying, "gone@example.com": delivery.Parked}},
		{2, delivery.Retrying, map[string]delivery.Result{"tom@example.com": delivery.Delivered}},
		{1, delivery.Parked, map[string]delivery.Result{"ada@example.com": delivery.Delivered}},
	}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if last := got[len(got)-1]; last.Reason != "recipient_refused" || last.Detail != "not delivered to gone@example.com" {
		t.Errorf("the last outcome says %q: %q", last.Reason, last.Detail)
	}
}

func TestTheLimitsAndAddressesOfTheSettingsAreKeptTo(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.change(t, func(d *smtp.Document) {
		d.EnvelopeSender, d.ReplyTo = "bounces@acme.example", "answers@acme.example"
		d.Limits.Recipients = 2
	})
	r.putEmail(t, plain("e", "a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"))
	r.run(t, config(t), "")
	r.happen(t, "e")
	if got := r.outcomes(t, final(1)); len(got) != 3 || got[2].Result != delivery.Delivered || got[2].Letter.Of != 1 {
		t.Errorf("outcomes %+v", got)
	}
	has := map[string]bool{}
	letters := srv.Letters()
	for _, l := range letters {
		if l.From != "bounces@acme.example" || len(l.To) > 2 {
			t.Errorf("a letter from %s to %s", l.From, l.To)
		}
		if h, _ := read(t, l); h.Get("Reply-To") != "<answers@acme.example>" || h.Get("From") != `"Acme main" <main@acme.example>` {
			t.Errorf("headers %v", h)
		}
		if diff := cmp.Diff(letters[0].Data, l.Data); diff != "" {
			t.Errorf("the letters differ:\n%s", diff)
		}
		for _, to := range l.To {
			has[to] = true
		}
	}
	if len(letters) != 3 || len(has) != 5 {
		t.Errorf("%d letters to %d people", len(letters), len(has))
	}
}

func TestALetterOverTheSizeOfTheSettingsIsParked(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.change(t, func(d *smtp.Document) { d.Limits.Size = smtp.MinSize })
	big := plain("e", "a@example.com")
	for range 400 {
		big.Text += "{{Account.Name}} owes what is due for the services it used.\n"
	}
	r.putEmail(t, big)
	r.run(t, config(t), "")
	r.happen(t, "e")
	if got := r.outcomes(t, final(1)); got[0].Result != delivery.Parked || got[0].Reason != "smtp_size" {
		t.Errorf("outcomes %+v", got)
	}
}

// change saves the settings main with a difference.
func (r *rig) change(t testing.TB, by func(*smtp.Document)) {
	t.Helper()
	d := r.document("main", smtptest.Password, true)
	by(&d)
	_, err := r.store.PutSMTP(t.Context(), acme, d)
	must(t, err)
}
