package mailer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/probe"
)

const leaveAt = "https://mail.example.com/unsubscribe"

// linked is the hastened configuration with links.
func linked(t *testing.T) mailer.Config {
	t.Helper()
	c := config(t)
	c.UnsubscribeURL, c.HTTPAddr = leaveAt, ""
	return c
}

// news is an email that may be unsubscribed from.
func news(id string, to ...string) email.Spec {
	e := plain(id, to...)
	e.Subject, e.Text, e.Transactional = "News of {{Account.Name}}", "There is news.", new(false)
	return e
}

// link is where the letter says that its reader may leave; "" for nowhere.
func link(t *testing.T, l smtptest.Letter) string {
	t.Helper()
	h, _ := read(t, l)
	at, post := h.Get("List-Unsubscribe"), h.Get("List-Unsubscribe-Post")
	if (at == "") != (post == "") || post != "" && post != "List-Unsubscribe=One-Click" {
		t.Errorf("List-Unsubscribe %q, List-Unsubscribe-Post %q", at, post)
	}
	return strings.Trim(at, "<>")
}

// leave does what a mail program does when its reader presses the button.
func (i *instance) leave(t *testing.T, at string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, strings.TrimPrefix(at, "https://mail.example.com"), strings.NewReader("List-Unsubscribe=One-Click"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	i.readers.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		t.Fatalf("%s: %d\n%s", at, answer.Code, answer.Body)
	}
}

func (r *rig) suppress(t testing.TB, addr string) {
	t.Helper()
	_, err := suppression.Open(r.js).Add(context.Background(), acme, suppression.Entry{Address: addr, By: suppression.Operator, Since: time.Now()})
	if err != nil {
		t.Error(err)
	}
}

// of is what became of each recipient, as "address result detail".
func of(o delivery.Outcome) (out []string) {
	for _, r := range o.Recipients {
		out = append(out, strings.TrimSpace(r.Address+" "+string(r.Result)+" "+strings.TrimSpace(strings.TrimPrefix(r.Detail, "OK"))))
	}
	return out
}

func TestOnlyAnEmailThatIsNotTransactionalMayBeUnsubscribedFromByEachReaderForThemselves(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	e := news("news")
	e.To = []email.Recipient{{ContactType: "billing"}}
	e.CC, e.BCC = []email.Recipient{{ContactType: "technical"}}, []email.Recipient{{Address: "archive@example.com"}}
	r.putEmail(t, e, ofStatus)
	owed := plain("owed", "ada@example.com")
	owed.Transactional = new(true)
	r.putEmail(t, owed)
	r.run(t, linked(t), "")
	r.happen(t, "news")
	letters := srv.Await(within(t), t, 3)
	seen := map[string]bool{}
	var to []string
	for _, l := range letters {
		at := link(t, l)
		if !strings.HasPrefix(at, leaveAt+"/") || seen[at] || strings.Contains(at, "example.com/ada") {
			t.Errorf("link %s", at)
		}
		seen[at] = true
		to = append(to, l.To...)
		first, _ := read(t, letters[0])
		h, _ := read(t, l)
		if h.Get("Message-Id") != first.Get("Message-Id") || h.Get("To") != first.Get("To") || h.Get("Cc") != first.Get("Cc") {
			t.Errorf("not a copy of the same letter:\n%s", l.Data)
		}
	}
	if d := cmp.Diff([]string{"ada@example.com", "tom@example.com", "archive@example.com"}, to); d != "" {
		t.Error(d)
	}
	r.happen(t, "owed")
	if at := link(t, srv.Await(within(t), t, 4)[3]); at != "" {
		t.Errorf("what is owed has a link: %s", at)
	}
}

func TestWhoUnsubscribesGetsWhatIsOwedAndNothingElse(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, news("news", "Ada@example.com"))
	r.putEmail(t, plain("owed", "ada@example.com"))
	i := r.run(t, linked(t), "")
	r.happen(t, "news")
	i.leave(t, link(t, srv.Await(within(t), t, 1)[0]))
	r.happen(t, "news")
	got := r.outcomes(t, final(2))
	o := got[1]
	if o.Result != delivery.Skipped || o.Reason != "suppressed" || o.Letter != nil || !slices.Equal(of(o), []string{"Ada@example.com skipped suppressed"}) {
		t.Errorf("outcome %+v", o)
	}
	r.happen(t, "owed")
	if l := srv.Await(within(t), t, 2); len(l) != 2 || !slices.Equal(l[1].To, []string{"ada@example.com"}) {
		t.Errorf("letters %+v", l)
	}
	r.acknowledged(t)
}

func TestWhereOneOfSeveralReadersHasUnsubscribedTheOthersGetTheirs(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	e := news("news")
	e.To = []email.Recipient{{ContactType: "billing"}, {ContactType: "technical"}}
	e.CC, e.BCC = []email.Recipient{{Address: "copy@example.com"}}, []email.Recipient{{Address: "hidden@example.com"}}
	r.putEmail(t, e, ofStatus)
	for _, gone := range []string{"ada@example.com", "hidden@example.com"} {
		r.suppress(t, gone)
	}
	r.run(t, linked(t), "")
	r.happen(t, "news")
	var to, became []string
	got := r.outcomes(t, final(1))
	for _, o := range got {
		became = append(became, of(o)...)
	}
	for _, l := range srv.Letters() {
		to = append(to, l.To...)
	}
	slices.Sort(to)
	slices.Sort(became)
	if d := cmp.Diff([]string{"copy@example.com", "tom@example.com"}, to); d != "" {
		t.Errorf("letters went to (-want +got)\n%s", d)
	}
	if last := got[len(got)-1]; last.Result != delivery.Delivered || len(became) != 4 ||
		became[0] != "ada@example.com skipped suppressed" || became[2] != "hidden@example.com skipped suppressed" {
		t.Errorf("%q, at last %+v", became, last)
	}
}

// A retry may come a day after the letter was made.
func TestWhoUnsubscribesBetweenTwoAttemptsGetsNoSecondOne(t *testing.T) {
	for name, c := range map[string]struct {
		to     []string
		result delivery.Result
	}{
		"the only reader":      {[]string{"late@example.com"}, delivery.Skipped},
		"one of two":           {[]string{"a@example.com", "late@example.com"}, delivery.Delivered},
		"one, the other is no": {[]string{"gone@example.com", "late@example.com"}, delivery.Parked},
	} {
		t.Run(name, func(t *testing.T) {
			var r *rig
			var asked sync.Map
			srv := smtptest.Start(t, smtptest.Script{Rcpt: func(to string) error {
				switch to {
				case "gone@example.com":
					return smtptest.Reply(550, "no such user")
				case "late@example.com":
					if _, again := asked.Swap(to, true); again {
						t.Error("written to again")
					}
					r.suppress(t, to)
					return smtptest.Reply(451, "later")
				}
				return nil
			}})
			r = start(t, srv, nil)
			r.putEmail(t, news("news", c.to...))
			r.run(t, linked(t), "")
			r.happen(t, "news")
			got := r.outcomes(t, final(1))
			last := got[len(got)-1]
			if last.Result != c.result || !slices.Contains(of(last), "late@example.com skipped suppressed") {
				t.Errorf("outcomes %+v", got)
			}
			r.pending(t, 0)
		})
	}
}

func TestAnOrderedSubscriptionPassesWhoHasUnsubscribed(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, news("news", "ada@example.com"), ordered(subscription.Block))
	i := r.run(t, linked(t), "")
	r.accept(t, "news")
	i.leave(t, link(t, srv.Await(within(t), t, 1)[0]))
	for range 3 {
		r.accept(t, "news")
	}
	for n, o := range r.outcomes(t, final(4)) {
		if want := map[bool]delivery.Result{true: delivery.Delivered, false: delivery.Skipped}[n == 0]; o.Result != want {
			t.Errorf("outcome %+v", o)
		}
	}
	if len(srv.Letters()) != 1 {
		t.Errorf("%d letters", len(srv.Letters()))
	}
}

func TestARetryCarriesTheSameLink(t *testing.T) {
	tried := make(chan smtptest.Letter, 2)
	srv := smtptest.Start(t, smtptest.Script{Data: func(l smtptest.Letter) error {
		if tried <- l; len(tried) == 1 {
			return smtptest.Reply(451, "later")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, news("news", "ada@example.com"))
	r.run(t, linked(t), "")
	r.happen(t, "news")
	r.outcomes(t, final(1))
	first, second := <-tried, <-tried
	if d := cmp.Diff(first, second); d != "" || link(t, second) == "" {
		t.Errorf("the retry differs:\n%s", d)
	}
}

func TestWithoutAnAddressForLinksSuchEmailsWaitAndSayWhy(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, news("news", "ada@example.com"))
	i := r.run(t, config(t), "")
	r.happen(t, "news")
	got := r.outcomes(t, func(all []delivery.Outcome) bool { return len(all) > 0 })
	if o := got[0]; o.Result != delivery.Retrying || o.Reason != "unsubscribe_url" || !strings.Contains(o.Detail, "UNSUBSCRIBE_URL") {
		t.Errorf("outcome %+v", o)
	}
	if report := r.try(t, probe.MailQuestion{Email: "news", EventType: "invoice.posted"}); report.Refused == nil || report.Refused.Reason != "unsubscribe_url" {
		t.Errorf("preview %+v", report)
	}
	i.stop()
	r.run(t, linked(t), "")
	if l := srv.Await(within(t), t, 1)[0]; link(t, l) == "" {
		t.Error("sent without a link")
	}
	report := r.try(t, probe.MailQuestion{Email: "news", EventType: "invoice.posted"})
	if report.Refused != nil || !strings.HasPrefix(line(report.Letter, "List-Unsubscribe"), "<"+leaveAt+"/") {
		t.Errorf("preview %+v", report)
	}
}

func TestSuchEmailsAreGivenUpAfterTheSettingsPatience(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, news("news", "ada@example.com"))
	c := config(t)
	c.SettingsPatience = time.Millisecond
	r.run(t, c, "")
	r.happen(t, "news")
	got := r.outcomes(t, final(1))
	if last := got[len(got)-1]; last.Result != delivery.Parked || last.Reason != "unsubscribe_url" {
		t.Errorf("outcomes %+v", got)
	}
}
