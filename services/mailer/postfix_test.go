package mailer_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer/internal/postfixtest"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/secret"
)

// atPostfix is a rig whose settings lead to Postfix, signed by the key: a set
// for each of the mechanisms, of that name.
func atPostfix(t *testing.T, key *rsa.PrivateKey, mechanisms ...smtp.Mechanism) (*rig, *postfixtest.Postfix) {
	t.Helper()
	p := postfixtest.Start(t)
	r := start(t, &smtptest.Server{Address: p.Address, Roots: p.Roots}, nil)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for _, m := range mechanisms {
		_, err := r.store.PutSMTP(t.Context(), acme, smtp.Document{
			Spec: smtp.Spec{
				ID: string(m), Name: string(m), Host: postfixtest.Host, FromName: "Acme", FromAddress: "billing@acme.example",
				Username: postfixtest.User, Auth: m, DKIM: &smtp.DKIM{Domain: "acme.example", Selector: "s1"},
			},
			Password: new(secret.NewText(postfixtest.Password)), DKIMKey: new(secret.NewText(text)),
		})
		must(t, err)
	}
	return r, p
}

func TestPostfixTakesLettersOverTLSByEveryMechanismAndKeepsThemWhole(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	mechanisms := []smtp.Mechanism{smtp.Plain, smtp.Login, smtp.CRAMMD5, smtp.SCRAMSHA1, smtp.SCRAMSHA256}
	r, p := atPostfix(t, key, mechanisms...)
	for _, m := range mechanisms {
		r.putEmail(t, email.Spec{
			ID: "by-" + string(m), SMTP: string(m), Subject: "Grüße an {{Contact.FirstName}}: {{Account.Name}}",
			HTML: "<p>.<br>Lange Zeile: " + strings.Repeat("ä ", 600) + "</p>\n.\n<p>{{Invoice.Total}}</p>",
			To:   []email.Recipient{{ContactType: "billing"}}, BCC: []email.Recipient{{Address: "hidden@example.com"}},
		})
	}
	r.put(t, "INV-1", many)
	r.run(t, config(t), "")
	for _, m := range mechanisms {
		r.happen(t, "by-"+string(m))
	}
	letters := p.Letters(within(t), t, "ada", len(mechanisms))
	for _, o := range r.outcomes(t, final(len(mechanisms))) {
		if o.Result != delivery.Delivered || o.Status != 250 {
			t.Errorf("outcome %+v", o)
		}
	}
	for _, m := range mechanisms {
		if said := "sasl_method=" + strings.ToUpper(string(m)); !strings.Contains(p.Log(t), said) {
			t.Errorf("no login by %s", m)
		}
	}
	files := 0
	for _, l := range letters {
		judgeKept(t, l, key)
		if kind, name, data := attached(t, smtptest.Letter{Data: l}); name == "INV-1.pdf" {
			if files++; kind != "application/pdf" || string(data) != string(many) {
				t.Errorf("attached %s of %d bytes", kind, len(data))
			}
		}
	}
	if files != 1 {
		t.Errorf("%d of the letters carry the one document", files)
	}
	for _, l := range p.Letters(within(t), t, "hidden", len(mechanisms)) {
		judgeKept(t, l, key) // who gets it in Bcc has the same letter
	}
}

// judgeKept judges a letter as it lies in a mailbox.
func judgeKept(t *testing.T, l string, key *rsa.PrivateKey) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(l))
	must(t, err)
	for name, want := range map[string]string{
		"From": `"Acme" <billing@acme.example>`, "To": `"Ada Byron" <ada@example.com>`, "Bcc": "",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Mime-Version": "1.0",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@acme.example>") {
		t.Errorf("Message-ID %s", id)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
	if kind := m.Header.Get("Content-Type"); !strings.Contains(l, "multipart/alternative;") || !strings.HasPrefix(kind, "multipart/") {
		t.Errorf("Content-Type %s", kind)
	}
	if text, html := strings.Index(l, "Content-Type: text/plain"), strings.Index(l, "Content-Type: text/html"); text < 0 || html < text {
		t.Error("the text does not come before the HTML")
	}
	record, err := smtp.Record(&smtp.DKIM{Domain: "acme.example", Selector: "s1"}, key)
	must(t, err)
	_, text, _ := strings.Cut(record, ` TXT "`)
	// A maildir ends lines by LF.
	got, err := dkim.VerifyWithOptions(strings.NewReader(strings.ReplaceAll(l, "\n", "\r\n")), &dkim.VerifyOptions{
		LookupTXT: func(string) ([]string, error) { return []string{strings.TrimSuffix(text, `"`)}, nil },
	})
	if err != nil || len(got) != 1 || got[0].Err != nil {
		t.Errorf("signatures %+v: %v", got, err)
	}
}

func TestPostfixRefusesOneRecipientAndTheOthersGetTheLetter(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	r, p := atPostfix(t, key, smtp.Plain)
	spec := plain("e", "ada@example.com", "nobody@example.com", "tom@example.com")
	spec.SMTP = "plain"
	r.putEmail(t, spec)
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, final(1))
	var refused []string
	for _, rec := range got[0].Recipients {
		if rec.Status == 550 && rec.Result == delivery.Parked {
			refused = append(refused, rec.Address)
		}
	}
	if diff := cmp.Diff([]string{"nobody@example.com"}, refused); diff != "" || got[0].Reason != "recipient_refused" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	for _, person := range []string{"ada", "tom"} {
		p.Letters(within(t), t, person, 1)
	}
}

func TestPostfixRefusesAWrongPasswordAsAFaultOfTheSettings(t *testing.T) {
	p := postfixtest.Start(t)
	r := start(t, &smtptest.Server{Address: p.Address, Roots: p.Roots}, nil)
	r.change(t, func(d *smtp.Document) {
		d.Username, d.Password = postfixtest.User, new(secret.NewText("wrong-"+postfixtest.Password))
	})
	r.putEmail(t, plain("e", "ada@example.com"))
	r.run(t, config(t), "")
	r.happen(t, "e")
	got := r.outcomes(t, func(all []delivery.Outcome) bool { return len(all) > 0 })
	if got[0].Result != delivery.Retrying || got[0].Reason != "smtp_auth" || got[0].Status != 535 {
		t.Errorf("outcome %+v", got[0])
	}
	if slices.ContainsFunc(strings.Split(p.Log(t), "\n"), func(line string) bool { return strings.Contains(line, "delivered") }) {
		t.Error("something was delivered")
	}
}
