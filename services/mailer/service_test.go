package mailer_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestAnEventBecomesTheMailsThatAreWritten(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, email.Spec{
		ID: "status", Subject: "News of {{Account.CurrentStatus}} for {{Contact.FirstName}}",
		HTML: `<p>Dear {{Contact.FirstName}} {{Contact.LastName}} of {{Account.Name}},<br>you are <b>{{Account.CurrentStatus}}</b>. {{[Owner Name]}}</p>`,
		To:   []email.Recipient{{ContactType: "billing"}, {ContactType: "technical"}, {ContactType: "shipping"}},
		CC:   []email.Recipient{{Address: "copy@example.com"}},
		BCC:  []email.Recipient{{Address: "hidden@example.com"}},
		From: email.From{Name: "Invoices"},
	}, ofStatus)
	r.run(t, config(t), "")
	began := time.Now().Add(-time.Second)
	ref := r.happen(t, "status")
	letters := srv.Await(within(t), t, 2)
	slices.SortFunc(letters, func(a, b smtptest.Letter) int { return len(b.To) - len(a.To) })

	if diff := cmp.Diff([]string{"ada@example.com", "copy@example.com", "hidden@example.com"}, letters[0].To); diff != "" {
		t.Errorf("recipients of the first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"tom@example.com"}, letters[1].To); diff != "" {
		t.Errorf("recipients of the second (-want +got):\n%s", diff)
	}
	h, parts := read(t, letters[0])
	for name, want := range map[string]string{
		"From": `"Invoices" <main@acme.example>`, "To": `"Ada Byron" <ada@example.com>`, "Cc": "<copy@example.com>",
		"Subject": "News of active for Ada", "Auto-Submitted": "auto-generated", "Bcc": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if date, err := h.Date(); err != nil || date.Before(began) || date.After(time.Now()) {
		t.Errorf("Date is %v: %v", date, err)
	}
	if diff := cmp.Diff([]string{
		"text/plain: Dear Ada Byron of North & <Wind>,\nyou are *active*. Acme Telecom",
		"text/html: <p>Dear Ada Byron of North &amp; &lt;Wind&gt;,<br>you are <b>active</b>. Acme Telecom</p>",
	}, parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if second, _ := read(t, letters[1]); second.Get("Subject") != "News of active for Tom" || second.Get("Message-Id") == h.Get("Message-Id") {
		t.Errorf("the second letter has %q and %q", second.Get("Subject"), second.Get("Message-Id"))
	}

	all := r.outcomes(t, final(1))
	if len(all) != 2 || all[0].Result != delivery.Retrying || all[0].Reason != "letters_left" || all[1].Result != delivery.Delivered {
		t.Fatalf("outcomes %+v", all)
	}
	for i, o := range all {
		want := &delivery.Letter{Number: i + 1, Of: 2, MessageID: id(t, letters[i]), Email: "status", Revision: 1}
		if diff := cmp.Diff(want, o.Letter); diff != "" {
			t.Errorf("letter of outcome %d (-want +got):\n%s", i, diff)
		}
		if o.Delivery != ref || o.Attempt != i+1 || o.Target != "main" || o.Status != 250 || len(o.Recipients) != len(letters[i].To) {
			t.Errorf("outcome %+v", o)
		}
		if !strings.Contains(o.Detail, "shipping") {
			t.Errorf("the missing contact type is not told: %q", o.Detail)
		}
	}
}

// id is the Message-ID of a letter without the angle brackets.
func id(t testing.TB, l smtptest.Letter) string {
	t.Helper()
	h, _ := read(t, l)
	return strings.Trim(h.Get("Message-Id"), "<>")
}

func TestOneRefusedRecipientIsParkedAndTheOthersGetTheLetter(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Rcpt: func(to string) error {
		if to == "gone@example.com" {
			return smtptest.Reply(550, "no such user")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com", "gone@example.com", "b@example.com"))
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, final(1))
	if len(got) != 1 || got[0].Result != delivery.Parked || got[0].Reason != "recipient_refused" || got[0].Status != 550 {
		t.Fatalf("outcomes %+v", got)
	}
	results := map[string]delivery.Result{}
	for _, rec := range got[0].Recipients {
		results[rec.Address] = rec.Result
	}
	if diff := cmp.Diff(map[string]delivery.Result{
		"a@example.com": delivery.Delivered, "gone@example.com": delivery.Parked, "b@example.com": delivery.Delivered,
	}, results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a@example.com", "b@example.com"}, srv.Await(within(t), t, 1)[0].To); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
	if reason := r.parked(t).Header.Get(settle.HeaderReason); reason != "recipient_refused" {
		t.Errorf("parked for %q", reason)
	}
}

// parked returns the last message of PARKED.
func (r *rig) parked(t *testing.T) *jetstream.RawStreamMsg {
	t.Helper()
	s, err := r.js.Stream(t.Context(), topology.Parked)
	must(t, err)
	msg, err := s.GetMsg(t.Context(), s.CachedInfo().State.LastSeq)
	must(t, err)
	return msg
}

func TestARetrySendsTheSameBytesToThoseWhoDidNotGetThem(t *testing.T) {
	var mu sync.Mutex
	refused := 0
	srv := smtptest.Start(t, smtptest.Script{Rcpt: func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		if to == "later@example.com" && refused < 2 {
			refused++
			return smtptest.Reply(451, "greylisted")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "now@example.com", "later@example.com"))
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, final(1))
	if len(got) != 3 || got[0].Result != delivery.Retrying || got[0].Reason != "recipient_deferred" || got[0].Status != 451 ||
		got[0].NextAt.IsZero() || got[2].Result != delivery.Delivered || got[2].Attempt != 3 {
		t.Fatalf("outcomes %+v", got)
	}
	if len(got[1].Recipients) != 1 || len(got[2].Recipients) != 1 {
		t.Errorf("those who had the letter were recorded again: %+v", got)
	}
	letters := srv.Letters()
	if len(letters) != 2 || letters[0].To[0] != "now@example.com" || len(letters[1].To) != 1 || letters[1].To[0] != "later@example.com" {
		t.Fatalf("letters to %v", letters)
	}
	if diff := cmp.Diff(letters[0].Data, letters[1].Data); diff != "" {
		t.Errorf("the retry differs:\n%s", diff)
	}
}

func TestALetterThatNobodyEverTakesIsParkedAfterItsAttempts(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Data: func(smtptest.Letter) error { return smtptest.Reply(451, "try later") }})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.Retry = c.Retry[:3]
	r.run(t, c, "")
	r.happen(t, "e")
	got := r.outcomes(t, final(1))
	last := got[len(got)-1]
	if len(got) != 3 || last.Result != delivery.Parked || last.Reason != "smtp_data" || last.Recipients[0].Result != delivery.Parked {
		t.Errorf("outcomes %+v", got)
	}
}

func TestALostReplyIsAmbiguousAndTheRetryHasTheSameMessageID(t *testing.T) {
	var mu sync.Mutex
	var lost []smtptest.Letter
	srv := smtptest.Start(t, smtptest.Script{DropAfterDot: func(l smtptest.Letter) bool {
		mu.Lock()
		defer mu.Unlock()
		lost = append(lost, l)
		return len(lost) == 1
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, final(1))
	if len(got) != 2 || got[0].Result != delivery.Retrying || got[0].Reason != "smtp_ambiguous" || got[1].Result != delivery.Delivered {
		t.Fatalf("outcomes %+v", got)
	}
	if diff := cmp.Diff(lost[0].Data, srv.Await(within(t), t, 1)[0].Data); diff != "" {
		t.Errorf("the retry differs:\n%s", diff)
	}
}

func TestNobodyToWriteToIsAnOutcomeThatNamesTheTypes(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, email.Spec{ID: "e", Subject: "x", Text: "y", To: []email.Recipient{{ContactType: "shipping"}}}, ofStatus)
	r.run(t, config(t), "")
	r.happen(t, "e")
	o := r.outcomes(t, final(1))[0]
	if o.Result != delivery.Skipped || o.Reason != "no_contact" || !strings.Contains(o.Detail, "shipping") {
		t.Errorf("outcome %+v", o)
	}
}

func TestWhatCannotBeSentEndsWithItsReason(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	bad := email.Canned{Spec: plain("broken", "a@example.com"), Revision: 1}
	bad.Text = "{{#if Invoice.Id}}{{if Invoice.Total}}{{/if}}"
	r.putRaw(t, topology.Emails, acme+".broken", bad)
	sub := subscription.Subscription{
		Spec:     subscription.Spec{ID: "broken", Events: []string{"invoice.posted"}, Channel: delivery.Email, Email: &subscription.Email{CannedEmail: "broken"}},
		Revision: 1, Versions: []subscription.Version{{Revision: 1}},
	}
	r.putRaw(t, topology.Subscriptions, acme+".broken", &sub)
	r.run(t, config(t), "")

	r.happen(t, "broken")
	r.happen(t, "unknown")
	ref := delivery.Reference{ID: "dlv_expired", Owner: acme, Subscription: "e", Revision: 1, EventSeq: 1 << 40, EventID: "x", EventType: "invoice.posted"}
	s, err := r.js.Stream(t.Context(), topology.Events)
	must(t, err)
	must(t, s.Purge(t.Context()))
	ref.EventSeq = 1
	r.deliver(t, 0, ref)
	want := map[string]string{"broken": "template_broken", "unknown": "subscription_unknown", "e": "event_expired"}
	for _, o := range r.outcomes(t, final(3)) {
		if o.Result != delivery.Parked || o.Reason != want[o.Delivery.Subscription] {
			t.Errorf("%s: %+v", o.Delivery.Subscription, o)
		}
	}
	if n := len(srv.Letters()); n != 0 {
		t.Errorf("%d letters were sent", n)
	}
}

func TestConfigurationThatIsLaterThanItsDeliveryIsWaitedFor(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.run(t, config(t), "")
	// The matcher heard of a subscription that this mailer does not know yet.
	r.happen(t, "e")
	canned := plain("e", "a@example.com")
	canned.Name = "e"
	if _, err := r.store.PutEmail(t.Context(), acme, canned); err != nil {
		t.Fatal(err)
	}
	sub := subscription.Subscription{
		Spec:     subscription.Spec{ID: "e", Events: []string{"invoice.posted"}, Channel: delivery.Email, Email: &subscription.Email{CannedEmail: "e"}},
		Revision: 1, Versions: []subscription.Version{{Revision: 1}},
	}
	r.putRaw(t, topology.Subscriptions, acme+".e", &sub)
	if got := r.outcomes(t, final(1)); got[0].Result != delivery.Delivered {
		t.Errorf("outcomes %+v", got)
	}
}

func TestWhatCannotBeReadIsParked(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.run(t, config(t), "")
	if _, err := r.js.Publish(t.Context(), subject.Delivery(delivery.Email, 0, acme, "e"), []byte("{")); err != nil {
		t.Fatal(err)
	}
	if got := r.outcomes(t, final(1)); got[0].Result != delivery.Parked || got[0].Reason != "malformed" {
		t.Errorf("outcomes %+v", got)
	}
	if msg := r.parked(t); string(msg.Data) != "{" {
		t.Errorf("parked %q", msg.Data)
	}
}
