package mailer_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/topology"
)

// bill is an email to contacts, of which an invoicing event goes to the one for
// billing.
func bill(to ...email.Recipient) email.Spec {
	if len(to) == 0 {
		to = []email.Recipient{{ContactType: "technical"}}
	}
	return email.Spec{ID: "e", Subject: "Invoice {{Invoice.Id}}", Text: "Dear {{Contact.FirstName}}", To: to}
}

// documents has the subscription do so with the document.
func documents(d subscription.Document) func(*subscription.Spec) {
	return func(s *subscription.Spec) { s.Email.Document = d }
}

// put stores a document as a platform does.
func (r *rig) put(t testing.TB, id string, data []byte) {
	t.Helper()
	store, err := r.js.ObjectStore(t.Context(), topology.DocumentsOf(acme))
	must(t, err)
	_, err = store.Put(t.Context(), jetstream.ObjectMeta{
		Name: topology.DocumentKey(topology.InvoiceDocuments, id), Headers: nats.Header{"Content-Type": {"application/pdf"}},
	}, bytes.NewReader(data))
	must(t, err)
}

// many is a document of several chunks.
var many = bytes.Repeat([]byte("%PDF-1.7\n\x00\xff\r\n"), 20_000)

func TestAnInvoiceGoesToTheBillingContactWithItsDocument(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, bill())
	r.put(t, "INV-1", many)
	r.run(t, config(t), "")
	r.happen(t, "e")
	l := srv.Await(within(t), t, 1)[0]
	if len(l.To) != 1 || l.To[0] != "ada@example.com" {
		t.Errorf("to %s", l.To)
	}
	kind, name, data := attached(t, l)
	if kind != "application/pdf" || name != "INV-1.pdf" || !bytes.Equal(data, many) {
		t.Errorf("attached %s %q of %d bytes", kind, name, len(data))
	}
	if got := r.outcomes(t, final(1)); got[0].Result != delivery.Delivered {
		t.Errorf("outcomes %+v", got)
	}
}

func TestARetryCarriesTheSameDocument(t *testing.T) {
	answer := first(smtptest.Reply(451, "later"))
	var lost []smtptest.Letter
	srv := smtptest.Start(t, smtptest.Script{Data: func(l smtptest.Letter) error {
		err := answer()
		if err != nil {
			lost = append(lost, l)
		}
		return err
	}})
	r := start(t, srv, nil)
	r.putEmail(t, bill(), documents(subscription.RequireDocument))
	r.put(t, "INV-1", many)
	r.run(t, config(t), "")
	r.happen(t, "e")
	if l := srv.Await(within(t), t, 1)[0]; l.Data != lost[0].Data {
		t.Error("the retry differs")
	}
}

func TestADocumentThatIsWaitedForComesLater(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, bill(), documents(subscription.AwaitDocument))
	c := config(t)
	c.DocumentRetry = time.Second
	c.Retry = c.Retry[:1] // waiting burns no attempt that counts
	r.run(t, c, "")
	r.happen(t, "e")
	got := r.outcomes(t, func(all []delivery.Outcome) bool { return len(all) == 2 })
	for _, o := range got {
		if o.Result != delivery.Retrying || o.Reason != "document_missing" {
			t.Errorf("outcome %+v", o)
		}
	}
	r.put(t, "INV-1", many)
	if _, name, _ := attached(t, srv.Await(within(t), t, 1)[0]); name != "INV-1.pdf" {
		t.Errorf("attached %q", name)
	}
}

func TestADocumentThatNeverComes(t *testing.T) {
	for wish, parked := range map[subscription.Document]bool{
		subscription.DocumentIfThere: false, subscription.AwaitDocument: false, subscription.RequireDocument: true, subscription.NoDocument: false,
	} {
		t.Run(string(wish), func(t *testing.T) {
			srv := smtptest.Start(t, smtptest.Script{})
			r := start(t, srv, nil)
			r.putEmail(t, bill(), documents(wish))
			c := config(t)
			c.DocumentRetry, c.DocumentPatience = time.Second, time.Millisecond
			r.run(t, c, "")
			r.happen(t, "e")
			got := r.outcomes(t, final(1))
			last := got[len(got)-1]
			if parked && (last.Result != delivery.Parked || last.Reason != "document_missing" || len(srv.Letters()) > 0) {
				t.Errorf("outcome %+v", last)
			}
			if !parked && (last.Result != delivery.Delivered || len(srv.Letters()) != 1) {
				t.Errorf("outcome %+v", last)
			}
		})
	}
}

func TestADocumentTooLargeForAMailIsLeftOutOrParks(t *testing.T) {
	for wish, want := range map[subscription.Document]delivery.Result{
		subscription.AwaitDocument: delivery.Delivered, subscription.RequireDocument: delivery.Parked,
	} {
		t.Run(string(wish), func(t *testing.T) {
			srv := smtptest.Start(t, smtptest.Script{})
			r := start(t, srv, nil)
			r.putEmail(t, bill(), documents(wish))
			r.put(t, "INV-1", many)
			c := config(t)
			c.DocumentMaxSize = len(many) - 1
			r.run(t, c, "")
			r.happen(t, "e")
			if got := r.outcomes(t, final(1)); len(got) != 1 || got[0].Result != want {
				t.Errorf("outcomes %+v", got)
			}
		})
	}
}

func TestWithEmailInvoicingOffNoContactGetsAnInvoice(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	_, err := r.store.PutAccount(t.Context(), acme, account.Account{ID: "A-1", Name: "Northwind", Contacts: []account.Contact{
		{ID: "c1", Type: "billing", Email: "ada@example.com"},
	}})
	must(t, err)
	r.putEmail(t, bill(email.Recipient{ContactType: "billing"}))
	fixed := bill(email.Recipient{ContactType: "billing"}, email.Recipient{Address: "archive@example.com"})
	fixed.ID, fixed.Text = "fixed", "x"
	r.putEmail(t, fixed)
	status := plain("status")
	status.To, status.Subject, status.Text = []email.Recipient{{ContactType: "billing"}}, "x", "x"
	r.putEmail(t, status, ofStatus)
	r.run(t, config(t), "")
	for _, id := range []string{"e", "fixed", "status"} {
		r.happen(t, id)
	}
	got := map[string]delivery.Outcome{}
	for _, o := range r.outcomes(t, final(3)) {
		got[o.Delivery.Subscription] = o
	}
	if o := got["e"]; o.Result != delivery.Skipped || o.Reason != "email_invoicing_off" || o.Detail == "" {
		t.Errorf("to a contact: %+v", o)
	}
	if o := got["fixed"]; o.Result != delivery.Delivered || len(o.Recipients) != 1 || o.Recipients[0].Address != "archive@example.com" {
		t.Errorf("to a fixed address: %+v", o)
	}
	if o := got["status"]; o.Result != delivery.Delivered || o.Recipients[0].Address != "ada@example.com" {
		t.Errorf("no invoice: %+v", o)
	}
}
