package mailer_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
)

// customer stores the account of the events anew: without email invoicing.
func (r *rig) customer(t *testing.T, locale string) {
	t.Helper()
	_, err := r.store.PutAccount(t.Context(), acme, account.Account{ID: "A-1", Name: "Northwind", Locale: locale})
	must(t, err)
}

func TestAnEmailThatAttachesTheInvoiceDoesSoForWhoeverGetsIt(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.customer(t, "")
	with := plain("with", "archive@example.com")
	with.Attachments = []email.Attachment{email.Invoice}
	r.putEmail(t, with)
	r.putEmail(t, plain("without", "archive@example.com"))
	r.put(t, "INV-1", many)
	r.put(t, "INV-2", many)
	r.run(t, config(t), "")
	r.happen(t, "with")
	if _, name, _ := attached(t, srv.Await(within(t), t, 1)[0]); name != "INV-1.pdf" {
		t.Errorf("attached %q", name)
	}
	r.happen(t, "without")
	if l := srv.Await(within(t), t, 2)[1]; strings.Contains(l.Data, "application/pdf") {
		t.Error("attached what nobody asked for")
	}
}

func TestALetterIsInTheLanguageOfTheAccount(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.customer(t, "de-AT")
	e := plain("e", "a@example.com")
	e.HTML = "<p>only in English</p>"
	e.Locales = map[string]email.Texts{"de": {Subject: "Rechnung {{Invoice.Id}}", Text: "Guten Tag"}}
	r.putEmail(t, e)
	r.run(t, config(t), "")
	r.happen(t, "e")
	if l := srv.Await(within(t), t, 1)[0]; !strings.Contains(l.Data, "Subject: Rechnung INV-1") || strings.Contains(l.Data, "English") {
		t.Errorf("letter\n%s", l.Data)
	}
}

func TestATokenWithoutAnAddressIsNamed(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, email.Spec{ID: "e", Subject: "x", Text: "x", To: []email.Recipient{{Token: "Account.Company.Email"}}})
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, func(all []delivery.Outcome) bool { return len(all) == 1 })
	if o := got[0]; o.Result != delivery.Skipped || o.Reason != "no_contact" || !strings.Contains(o.Detail, "Account.Company.Email") {
		t.Errorf("outcome %+v", o)
	}
}
