package render_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

func renderer(t testing.TB) *render.Renderer {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return render.New(c, 2)
}

var (
	now = time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC)
	ada = &account.Contact{ID: "c1", Type: "billing", FirstName: "Ada", Email: "ada@example.com"}
	tom = &account.Contact{ID: "c2", Type: "technical", FirstName: "Tom\r\nBcc: x@evil.example", Email: "tom@example.com"}
)

func mail(spec email.Spec) render.Mail {
	spec.ID = "invoice"
	return render.Mail{
		Delivery: "dlv_1", Owner: "acme", OwnerName: "Acme", Canned: &email.Canned{Spec: spec, Revision: 1},
		From: letter.Address{Name: "Main", Addr: "main@acme.example"}, Now: now, Zone: new(render.Zones).Zone("", "Asia/Tokyo"),
		Event: &event.Event{ID: "evt_1", Type: "invoice.posted", Owner: "acme", Data: event.Values{
			"Invoice.Id": event.Str("INV-1"), "Account.Name": event.Str("North & <Wind>"),
		}},
	}
}

func to(contacts ...*account.Contact) []addressing.Letter {
	var plan []addressing.Letter
	for _, c := range contacts {
		plan = append(plan, addressing.Letter{Contact: c, To: []letter.Address{{Addr: c.Email}}})
	}
	return plan
}

func TestEachContactHasALetterOfItsOwn(t *testing.T) {
	m := mail(email.Spec{
		Subject: "{{Invoice.Id}} for {{Contact.FirstName}}", Text: "{{Account.Name}}", HTML: "<p>{{Account.Name}}</p>",
		From: email.From{Address: "own@acme.example"},
	})
	got, err := renderer(t).Letters(m, to(ada, tom))
	if err != nil {
		t.Fatal(err)
	}
	from := letter.Address{Name: "Main", Addr: "own@acme.example"}
	want := []letter.Letter{
		{Key: "dlv_1/1", Date: now, From: from, To: []letter.Address{{Addr: "ada@example.com"}}, Subject: "INV-1 for Ada",
			Text: "North & <Wind>", HTML: "<p>North &amp; &lt;Wind&gt;</p>"},
		{Key: "dlv_1/2", Date: now, From: from, To: []letter.Address{{Addr: "tom@example.com"}}, Subject: "INV-1 for Tom Bcc: x@evil.example",
			Text: "North & <Wind>", HTML: "<p>North &amp; &lt;Wind&gt;</p>"},
	}
	for i := range got {
		if strings.ContainsAny(got[i].Subject, "\r\n") {
			t.Errorf("the subject %q has several lines", got[i].Subject)
		}
		got[i].Subject = strings.Join(strings.Fields(got[i].Subject), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

func TestTextIsMadeFromHTMLAndNeverTheOtherWay(t *testing.T) {
	table := "<h1>Bill</h1><table><tr><td>Fee</td><td>12.50</td></tr><tr><td>Tax</td><td>2.50</td></tr></table><a href=\"https://x.example/a\">see</a>"
	got, err := renderer(t).Letters(mail(email.Spec{Subject: "s", HTML: table}), to(ada))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Bill", "Fee 12.50", "Tax 2.50", "see ( https://x.example/a )"} {
		if !strings.Contains("\n"+strings.ReplaceAll(got[0].Text, " \n", "\n")+"\n", "\n"+line+"\n") {
			t.Errorf("no line %q in:\n%s", line, got[0].Text)
		}
	}
	got, err = renderer(t).Letters(mail(email.Spec{Subject: "s", Text: "only text"}), to(ada))
	if err != nil || got[0].HTML != "" || got[0].Text != "only text" {
		t.Errorf("letter %+v: %v", got, err)
	}
}

func TestNoValueAddsMarkupThatTheTextWouldShowAsALink(t *testing.T) {
	m := mail(email.Spec{Subject: "s", HTML: "<p>{{Account.Name}}</p>"})
	m.Event.Data["Account.Name"] = event.Str(`</p><a href="https://evil.example">x</a><script>1</script>`)
	got, err := renderer(t).Letters(m, to(ada))
	if err != nil {
		t.Fatal(err)
	}
	if want := `</p><a href="https://evil.example">x</a><script>1</script>`; got[0].Text != want {
		t.Errorf("the value became %q", got[0].Text)
	}
}

func TestTheMomentAndTheZoneAreThoseGiven(t *testing.T) {
	got, err := renderer(t).Letters(mail(email.Spec{Subject: "{{[Current Date]}}", Text: "{{[Owner Name]}}"}), to(ada))
	if err != nil || got[0].Subject != "2026-11-24" || got[0].Text != "Acme" { // half past eight in Tokyo
		t.Errorf("letter %+v: %v", got, err)
	}
}

func TestABrokenTemplateIsNeverRenderedAndAnEditMendsIt(t *testing.T) {
	r := renderer(t)
	m := mail(email.Spec{Subject: "{{No.Such.Token}}", Text: "x"})
	for range 2 { // the second time from the cache
		if _, err := r.Letters(m, to(ada)); !errors.Is(err, render.ErrBroken) {
			t.Fatalf("got %v", err)
		}
	}
	m.Canned = &email.Canned{Spec: m.Canned.Spec, Revision: 2}
	m.Canned.Subject = "fine"
	if _, err := r.Letters(m, to(ada)); err != nil {
		t.Error(err)
	}
}

func TestWhatGrowsTooLargeIsInvalid(t *testing.T) {
	m := mail(email.Spec{Subject: "s", Text: strings.Repeat("{{Account.Name}}", 1000)})
	m.Event.Data["Account.Name"] = event.Str(strings.Repeat("x", 2000))
	if _, err := renderer(t).Letters(m, to(ada)); fault.KindOf(err) != fault.Invalid || errors.Is(err, render.ErrBroken) {
		t.Errorf("got %v", err)
	}
}

func TestManyCannedEmailsShareASmallCache(t *testing.T) {
	r := renderer(t)
	for i := range 20 {
		m := mail(email.Spec{Subject: fmt.Sprint("n", i%4), Text: "x"})
		m.Canned.ID = fmt.Sprint("e", i%4)
		got, err := r.Letters(m, to(ada))
		if err != nil || got[0].Subject != fmt.Sprint("n", i%4) {
			t.Fatalf("%d: %+v %v", i, got, err)
		}
	}
}

// BenchmarkManyCannedEmails tells what 10,000 canned emails of about 2 KiB take
// that are all kept compiled.
func BenchmarkManyCannedEmails(b *testing.B) {
	const emails = 10_000
	c, err := tokens.Load()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r := render.New(c, emails)
		before := heap()
		for i := range emails {
			m := mail(email.Spec{Subject: "Invoice {{Invoice.Id}}",
				Text: strings.Repeat(fmt.Sprint("{{Account.Name}} owes {{Invoice.Total}} ", i, "\n"), 20),
				HTML: strings.Repeat(fmt.Sprint("<p>{{Account.Name}} owes <b>{{Invoice.Total}}</b> ", i, "</p>"), 20)})
			m.Canned.ID = fmt.Sprint("e", i)
			if _, err := r.Letters(m, to(ada)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(heap()-before)/emails/1024, "KiB/email")
		runtime.KeepAlive(r)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLetters(b *testing.B) {
	r := renderer(b)
	m := mail(email.Spec{Subject: "Invoice {{Invoice.Id}}",
		Text: strings.Repeat("{{Account.Name}} owes {{Invoice.Total}}\n", 20), HTML: strings.Repeat("<p>{{Account.Name}} owes <b>{{Invoice.Total}}</b></p>", 20)})
	plan := to(ada)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Letters(m, plan); err != nil {
			b.Fatal(err)
		}
	}
}
