package mailer_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
)

// ordered makes a subscription an ordered one.
func ordered(head subscription.Head) func(*subscription.Spec) {
	return func(s *subscription.Spec) { s.Order, s.Head = subscription.Ordered, head }
}

// numbers are those of the invoices in the subjects, in the order of arrival.
func numbers(t *testing.T, letters []smtptest.Letter) (out []string) {
	t.Helper()
	for _, l := range letters {
		h, _ := read(t, l)
		out = append(out, strings.TrimPrefix(h.Get("Subject"), "Invoice INV-"))
	}
	return out
}

func upTo(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(i+1))
	}
	return fmt.Sprint(out)
}

func TestOrderedEmailsComeOneAfterAnotherInTheOrderOfTheirEvents(t *testing.T) {
	var underWay, most atomic.Int32
	var refused atomic.Bool
	srv := smtptest.Start(t, smtptest.Script{Data: func(l smtptest.Letter) error {
		if now := underWay.Add(1); now > most.Load() {
			most.Store(now)
		}
		defer underWay.Add(-1)
		if strings.Contains(l.Data, "Invoice INV-5\r\n") && !refused.Swap(true) {
			return smtptest.Reply(451, "later")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"), ordered(subscription.Block))
	for range 10 {
		r.accept(t, "e")
	}
	r.run(t, config(t), "")
	for range 10 {
		r.accept(t, "e")
	}
	letters := srv.Await(within(t), t, 20)
	if got := fmt.Sprint(numbers(t, letters)); got != upTo(20) || most.Load() != 1 {
		t.Errorf("arrived in the order %s, %d at a time", got, most.Load())
	}
}

func TestAMailboxThatDoesNotExistBlocksNoOrder(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Rcpt: func(to string) error {
		if to == "gone@example.com" {
			return smtptest.Reply(550, "no such user")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com", "gone@example.com"), ordered(subscription.Block))
	for range 5 {
		r.accept(t, "e")
	}
	r.run(t, config(t), "")
	if got := fmt.Sprint(numbers(t, srv.Await(within(t), t, 5))); got != upTo(5) {
		t.Errorf("arrived in the order %s", got)
	}
	for _, o := range r.outcomes(t, final(5)) {
		if o.Result != delivery.Parked || o.Reason != "recipient_refused" {
			t.Errorf("outcome %+v", o)
		}
	}
}

func TestAnOrderedDeliveryToSeveralContactsIsWholeBeforeTheNext(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, email.Spec{
		ID: "e", Subject: "{{[Owner Name]}}", Text: "x", To: []email.Recipient{{ContactType: "billing"}, {ContactType: "technical"}},
	}, ofStatus, ordered(subscription.Block))
	for range 3 {
		r.accept(t, "e")
	}
	r.run(t, config(t), "")
	var to []string
	for _, l := range srv.Await(within(t), t, 6) {
		to = append(to, l.To...)
	}
	if got, want := strings.Join(to, " "), strings.TrimSpace(strings.Repeat("ada@example.com tom@example.com ", 3)); got != want {
		t.Errorf("letters to %s", got)
	}
}

func TestOrderedEmailsGoOnAtAnotherInstance(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"), ordered(subscription.Block))
	for range 30 {
		r.accept(t, "e")
	}
	c := config(t)
	r.spare.Store(5)
	i := r.run(t, c, "series-attempted")
	<-i.dead
	i.stop()
	r.run(t, c, "")
	var order []string
	seen := map[string]bool{}
	letters := srv.Await(within(t), t, 30)
	for len(seen) < 30 {
		order, seen = nil, map[string]bool{}
		for _, n := range numbers(t, letters) {
			if !seen[n] {
				order = append(order, n)
			}
			seen[n] = true
		}
		if len(seen) < 30 {
			letters = srv.Await(within(t), t, len(letters)+1)
		}
	}
	if fmt.Sprint(order) != upTo(30) || len(letters) > 31 {
		t.Errorf("%d letters in the order %s", len(letters), order)
	}
}

// Readers of mail would show it twice, the later one at the wrong place.
func TestAnOrderedLetterThatIsRepeatedAfterACrashBeforeItsFirstOutcomeHasItsDate(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"), ordered(subscription.Block))
	c := config(t)
	c.Lease = 2 * time.Second // longer than a Date is exact
	i := r.run(t, c, "series-attempted")
	before := time.Now().Truncate(time.Second)
	r.accept(t, "e")
	<-i.dead
	i.stop()
	r.run(t, c, "")
	letters := srv.Await(within(t), t, 2)
	if d := cmp.Diff(letters[0], letters[1]); d != "" {
		t.Errorf("the repeat differs:\n%s", d)
	}
	h, _ := read(t, letters[1])
	if at, err := h.Date(); err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("Date %s, %v", h.Get("Date"), err)
	}
}
