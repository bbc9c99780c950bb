package mailer_test

import (
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/resend"
)

// again asks for every email that ended.
func (r *rig) again(t *testing.T) {
	t.Helper()
	s, err := resend.Matching(t.Context(), r.js, outcomes.Query{Owner: acme, Channel: delivery.Email})
	must(t, err)
	_, err = resend.Ask(t.Context(), r.js, s, func(resend.Tally) {})
	must(t, err)
}

// ends is enough once n outcomes are final, also of one delivery.
func ends(n int) func([]delivery.Outcome) bool {
	return func(all []delivery.Outcome) bool {
		ended := 0
		for _, o := range all {
			if o.Result.Final() {
				ended++
			}
		}
		return ended >= n
	}
}

func TestAParkedEmailIsSentAgainToThoseWhoDidNotGetIt(t *testing.T) {
	var mended atomic.Bool
	srv := smtptest.Start(t, smtptest.Script{Rcpt: func(to string) error {
		if to == "gone@example.com" && !mended.Load() {
			return smtptest.Reply(550, "no such user")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com", "gone@example.com"))
	r.run(t, config(t), "")
	r.happen(t, "e")
	r.outcomes(t, ends(1))
	mended.Store(true)
	r.again(t)
	got := r.outcomes(t, ends(2))
	last := got[len(got)-1]
	if last.Result != delivery.Delivered || last.Attempt != 2 || !last.Resent || len(last.Recipients) != 1 {
		t.Errorf("%+v", got)
	}
	letters := srv.Letters()
	if len(letters) != 2 {
		t.Fatalf("%d letters", len(letters))
	}
	if d := cmp.Diff([]string{"gone@example.com"}, letters[1].To); d != "" {
		t.Errorf("recipients (-want +got):\n%s", d)
	}
	if d := cmp.Diff(letters[0].Data, letters[1].Data); d != "" {
		t.Errorf("the letters differ:\n%s", d)
	}
}

// With its attempts used up a letter is tried as often again.
func TestTheAttemptsOfAnEmailBeginAnewWithAResend(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Data: func(smtptest.Letter) error { return smtptest.Reply(451, "try later") }})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.Retry = c.Retry[:2]
	r.run(t, c, "")
	r.happen(t, "e")
	r.outcomes(t, ends(1))
	r.again(t)
	var results []delivery.Result
	for _, o := range r.outcomes(t, ends(2)) {
		results = append(results, o.Result)
	}
	want := []delivery.Result{delivery.Retrying, delivery.Parked, delivery.Retrying, delivery.Parked}
	if d := cmp.Diff(want, results); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}

// A delivered letter is rendered again, under the same Message-ID.
func TestADeliveredEmailIsSentAgain(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	r.run(t, config(t), "")
	r.happen(t, "e")
	r.outcomes(t, ends(1))
	r.again(t)
	got := r.outcomes(t, ends(2))
	letters := srv.Letters()
	if len(letters) != 2 || got[1].Attempt != 2 || got[1].Result != delivery.Delivered {
		t.Fatalf("%d letters, %+v", len(letters), got)
	}
	first, _ := read(t, letters[0])
	second, _ := read(t, letters[1])
	if first.Get("Message-ID") != second.Get("Message-ID") || first.Get("Message-ID") == "" {
		t.Errorf("%q and %q", first.Get("Message-ID"), second.Get("Message-ID"))
	}
}
