package deploy_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/billhook/authority"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
)

// TestTheTourLeadsWhereItSays applies the file of the README's tour as it is,
// with its names led to this machine, publishes as the README does, and looks
// at what arrives.
func TestTheTourLeadsWhereItSays(t *testing.T) {
	if testing.Short() {
		t.Skip("a separate process: run without -short")
	}
	v := openVisit(t)
	secret := regexp.MustCompile(`whsec_\S+`).FindString(v.run(t, "apply", "-f", filepath.Join(root, "docs/tour.yaml")))
	if err := v.web.Expect("/billing/A-1001", secret); err != nil {
		t.Fatal(err)
	}
	v.run(t, "publish", "--owner", "acme", "--type", "invoice.posted", "--account", "A-1001",
		"--set", "Invoice.Number=INV-2026-0042", "--set", "Invoice.Total=1234.50", "--set", "Invoice.Currency=EUR")
	hook, mail := v.await(t)
	if hook.Verified != nil {
		t.Error(hook.Verified)
	}
	var body struct{ Data map[string]string }
	if err := json.Unmarshal(hook.Body, &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"number": "INV-2026-0042", "total": "1234.50", "title": "INV-2026-0042 for Northwind"}
	if d := cmp.Diff(want, body.Data); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"ada@example.com"}, mail.To); d != "" || !strings.Contains(string(mail.Data), "Subject: Invoice INV-2026-0042") {
		t.Errorf("%s\n%s", d, mail.Data)
	}
	v.run(t, "check")
}

// TestTheExamplesOfThePageOnWebhooksArrive applies the page's file beside the
// tour's and looks at the request that it describes.
func TestTheExamplesOfThePageOnWebhooksArrive(t *testing.T) {
	if testing.Short() {
		t.Skip("a separate process: run without -short")
	}
	p := openPartner(t)
	v := openVisit(t, p)
	v.environ = append(v.environ, "ERP_TOKEN=only-for-this-test", "PARTNER_SECRET=only-for-this-test", "PARTNER_ROUTE=only-for-this-test")
	docs, err := filepath.Abs(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	v.run(t, "apply", "-f", filepath.Join(docs, "tour.yaml"))
	out := v.run(t, "apply", "-f", filepath.Join(docs, "webhooks.yaml"))
	if !strings.Contains(out, "public key of the asymmetric signature: whpk_") || strings.Contains(out, "only-for-this-test") {
		t.Errorf("apply says %s", out)
	}
	secrets := regexp.MustCompile(`whsec_\S+`).FindAllString(out, -1)
	if len(secrets) != 2 {
		t.Fatalf("apply says %s", out)
	}
	p.expect(t, secrets[1])
	for _, path := range []string{"/erp/invoices/I-7", "/erp/invoices/text"} { // the event's and the example's
		if err := v.web.Expect(path, secrets[0]); err != nil {
			t.Fatal(err)
		}
	}
	v.run(t, "publish", "--owner", "acme", "--type", "invoice.overdue", "--account", "A-1001",
		"--set", "Invoice.Id=I-7", "--set", "Invoice.Number=INV-7")
	hook := <-v.hooks
	for strings.HasSuffix(hook.Path, "/in-order") {
		hook = <-v.hooks
	}
	h := hook.Header
	if hook.Verified != nil || h.Get("Authorization") != "Bearer only-for-this-test" || h.Get("X-Account-Name") != "Northwind" ||
		h.Get("Content-Type") != "application/cloudevents+json" || !strings.Contains(h.Get("webhook-signature"), " v1a,") && !strings.HasPrefix(h.Get("webhook-signature"), "v1a,") {
		t.Errorf("%v, headers %v", hook.Verified, h)
	}
	const data = `"data":{"number":"INV-7","days":0,"source":"billing"}}`
	if !strings.HasSuffix(string(hook.Body), data) {
		t.Errorf("body %s", hook.Body)
	}
	p.await(t)
	v.logged(t, h.Get("webhook-id"))
	for _, args := range [][]string{{"pause"}, {"resume"}, {"replay", "--from", "2026-11-01T00:00:00Z"}} {
		v.run(t, append([]string{args[0], "invoices-in-order", "--owner", "acme"}, args[1:]...)...)
	}
	// The replay may be under way, or over.
	if out, err := v.try(t, "skip", "invoices-in-order", "--owner", "acme", "--account", "A-1001"); err != nil && !strings.Contains(out, "skip.nothing") {
		t.Errorf("a skip says %s", out)
	}
	v.repeated(t, h.Get("webhook-id"))
	v.run(t, "endpoints", "rotate", "erp", "--owner", "acme", "--overlap", "48h")
	v.run(t, "endpoints", "disable", "erp", "--owner", "acme")
	v.run(t, "endpoints", "enable", "erp", "--owner", "acme")
	if out := v.run(t, "endpoints", "status", "--owner", "acme"); !strings.Contains(out, "erp ") {
		t.Errorf("status says %s", out)
	}
}

// TestTheExamplesOfThePageOnEmailsArrive applies the page's file beside the
// tour's, looks at the letters that it describes, and runs what it prints.
func TestTheExamplesOfThePageOnEmailsArrive(t *testing.T) {
	if testing.Short() {
		t.Skip("a separate process: run without -short")
	}
	v := openVisit(t)
	v.environ = append(v.environ, "NEWS_PASSWORD=only-for-this-test", "NEWS_DKIM_KEY="+dkimKey)
	v.run(t, "apply", "-f", filepath.Join(root, "docs/tour.yaml"))
	out := v.run(t, "apply", "-f", filepath.Join(root, "docs/email.yaml"))
	if !strings.Contains(out, `2026-11._domainkey.example.com TXT "v=DKIM1; k=ed25519; p=`) || strings.Contains(out, "only-for-this-test") {
		t.Errorf("apply says %s", out)
	}
	v.run(t, "publish", "--owner", "acme", "--type", "invoice.overdue", "--account", "A-1001", "--id", "evt-9",
		"--set", "Invoice.Number=INV-9", "--set", "Invoice.Id=I-9", "--set", "Invoice.DaysOverdue=9", "--set", "Account.Company.Email=office@example.com")
	mail := <-v.mails
	if d := cmp.Diff([]string{"ada@example.com", "tom@example.com", "office@example.com", "archive@example.com"}, mail.To); d != "" {
		t.Error(d)
	}
	for _, want := range []string{"Subject: Invoice INV-9 is overdue", `From: "Acme Reminders" <billing@example.com>`, "Pay now ( https://pay.example.com/I-9 )", "style=3D"} {
		if !strings.Contains(string(mail.Data), want) {
			t.Errorf("no %q in\n%s", want, mail.Data)
		}
	}
	tried := v.run(t, "smtp", "test", "relay", "--owner", "acme", "--to", "me@example.com")
	if test := <-v.mails; !strings.Contains(string(test.Data), "Subject: Test of the SMTP settings relay") || !regexp.MustCompile(`(?m)^message .*taken`).MatchString(tried) {
		t.Errorf("%s\n%s", tried, test.Data)
	}
	for want, args := range map[string][]string{
		"Subject: Invoice INV-":  {"--type", "invoice.overdue"},
		"INV-9 ist seit 9 Tagen": {"--event", "evt-9", "--locale", "de", "--part", "text"},
		"message ":               {"--type", "invoice.overdue", "--to", "me@example.com"},
	} {
		if out := v.run(t, append([]string{"preview", "overdue", "--owner", "acme"}, args...)...); !strings.Contains(out, want) {
			t.Errorf("%v: no %q in\n%s", args, want, out)
		}
	}
	if sent := <-v.mails; cmp.Diff([]string{"me@example.com"}, sent.To) != "" {
		t.Errorf("sent to %v", sent.To)
	}
}

// dkimKey signs nothing but tests.
const dkimKey = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----`

// repeated sends the page's delivery again in each way that the page names, and
// tries its endpoint.
func (v *visit) repeated(t *testing.T, id string) {
	t.Helper()
	again := func(count string, args ...string) {
		t.Helper()
		v.run(t, append(args, "--owner", "acme")...)
		for {
			hook := <-v.hooks
			if hook.Header.Get("webhook-id") == id {
				break
			}
		}
		v.until(t, count+` +delivered`, "deliveries", id, "--owner", "acme")
	}
	again("2", "resend", id)
	again("3", "resend", "--endpoint", "erp", "--result", "delivered", "--since", "24h", "--yes")
	again("4", "replay", "overdue-to-erp", "--from", "2026-11-01T00:00:00Z", "--yes")
	if list := v.run(t, "parked", "--owner", "acme"); strings.Contains(list, id) {
		t.Errorf("parked says %s", list)
	}
	shown := v.run(t, "test", "erp", "--owner", "acme", "--type", "invoice.overdue", "--subscription", "overdue-to-erp")
	for _, want := range []string{"billhook-test: true", "Authorization: [secret]", "answer 204", "dns ", "webhook-id: test_"} {
		if !strings.Contains(shown, want) {
			t.Errorf("test does not show %q:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "only-for-this-test") {
		t.Error("test shows a secret")
	}
}

// until runs a command until what it prints matches.
func (v *visit) until(t *testing.T, pattern string, args ...string) {
	t.Helper()
	want, deadline := regexp.MustCompile(pattern), time.Now().Add(2*time.Minute)
	for {
		out := v.run(t, args...)
		if want.MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q does not match:\n%s", pattern, out)
		}
	}
}

// TestTheRunbooksExampleOfOperationalEventsTellsOfARefusedEvent applies its file
// beside the tour's, and publishes what the page has published.
func TestTheRunbooksExampleOfOperationalEventsTellsOfARefusedEvent(t *testing.T) {
	if testing.Short() {
		t.Skip("a separate process: run without -short")
	}
	v := openVisit(t)
	v.run(t, "apply", "-f", filepath.Join(root, "docs/tour.yaml"))
	out := v.run(t, "apply", "-f", filepath.Join(root, "docs/notices.yaml"))
	if err := v.web.Expect("/operations", regexp.MustCompile(`whsec_\S+`).FindString(out)); err != nil {
		t.Fatal(err)
	}
	v.run(t, "publish", "--owner", "acme", "--type", "invoice.postd")
	hook, mail := v.await(t)
	var body struct {
		Type string
		Data map[string]any
	}
	if err := json.Unmarshal(hook.Body, &body); err != nil {
		t.Fatal(err)
	}
	if hook.Verified != nil || body.Type != "event.rejected" || body.Data["Operation.Reason"] != "unknown_type" || body.Data["Operation.Count"] != 1.0 {
		t.Errorf("%v: %s", hook.Verified, hook.Body)
	}
	const subject = "Subject: Billhook: event.rejected (unknown_type)"
	if d := cmp.Diff([]string{"operations@example.com"}, mail.To); d != "" || !strings.Contains(string(mail.Data), subject) {
		t.Errorf("%s\n%s", d, mail.Data)
	}
}

// TestTheExamplesOfThePageOnSchedulesHold applies the page's file beside the
// tour's, and has two invoices' reminders fired before their moment, of which
// the paid one is not sent.
func TestTheExamplesOfThePageOnSchedulesHold(t *testing.T) {
	if testing.Short() {
		t.Skip("a separate process: run without -short")
	}
	v := openVisit(t)
	secret := regexp.MustCompile(`whsec_\S+`).FindString(v.run(t, "apply", "-f", filepath.Join(root, "docs/tour.yaml")))
	v.run(t, "apply", "-f", filepath.Join(root, "docs/schedules.yaml"))
	if err := v.web.Expect("/reminders", secret); err != nil {
		t.Fatal(err)
	}
	of := []string{"--owner", "acme", "--account", "A-1001"}
	for _, e := range [][]string{
		{"invoice.delivery", "Invoice.Id=I-1", "Invoice.BalanceDue=10.00", "Invoice.DeliveryDate=2036-11-26T10:00:00Z"},
		{"invoice.delivery", "Invoice.Id=I-2", "Invoice.BalanceDue=10.00", "Invoice.DeliveryDate=2036-11-26T10:00:00Z"},
		{"payment.processed", "Payment.InvoiceId=I-2", "Payment.InvoiceStatus=paid", "Payment.InvoiceBalanceDue=0.00"},
	} {
		args := append([]string{"publish", "--type", e[0]}, of...)
		for _, value := range e[1:] {
			args = append(args, "--set", value)
		}
		v.run(t, args...)
	}
	for _, invoice := range []string{"I-2", "I-1"} {
		plan := v.printed(t, `(pln_\S+) +delivery +`+invoice+` +A-1001 +3 +09:00:00 +Europe/Berlin +pending`, "schedule", "ls", "--owner", "acme")
		if invoice == "I-2" { // the payment was read when what came behind it was
			v.run(t, append([]string{"publish", "--type", "invoice.delivery", "--set", "Invoice.Id=I-3"}, of...)...)
			v.printed(t, `(pln_\S+) +delivery +I-3 `, "schedule", "ls", "--owner", "acme")
		}
		v.run(t, "schedule", "fire", plan, "--owner", "acme")
		v.printed(t, `(fired)`, "schedule", "show", plan, "--owner", "acme")
	}
	// 2036-11-29 is a Saturday.
	hook := <-v.hooks
	const want = `"data":{"invoice":"I-1","balance":"10.00","due":"2036-12-01T09:00:00+01:00"}}`
	if hook.Verified != nil || !strings.HasSuffix(string(hook.Body), want) {
		t.Errorf("%v, %s", hook.Verified, hook.Body)
	}
	v.printed(t, `is (fired)`, append([]string{"schedule", "explain", "I-1"}, of...)...)
}

// printed runs a command until its output matches, and returns the first group.
func (v *visit) printed(t *testing.T, pattern string, args ...string) string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	for range 300 {
		if found := wanted.FindStringSubmatch(v.run(t, args...)); found != nil {
			return found[1]
		}
	}
	t.Fatalf("%v never printed %s", args, pattern)
	return ""
}

// logged waits until the log of deliveries has one: outcomes are stored after
// the receiver has answered.
func (v *visit) logged(t *testing.T, id string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		log := v.run(t, "deliveries", "--owner", "acme", "--event", "invoice.overdue", "--endpoint", "erp")
		if strings.Contains(log, id) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log of deliveries says %s", log)
		}
	}
}

// visit is a running all-in-one with the two ends that the tour names.
type visit struct {
	bin, data string
	// dir is where commands run.
	dir     string
	environ []string
	web     *receiver.Receiver
	hooks   chan receiver.Received
	mails   chan mailcatcher.Caught
}

// openVisit opens one; a partner is reached where there is one.
func openVisit(t *testing.T, partners ...*partner) *visit {
	t.Helper()
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("hooks.example.com", "smtp.example.com", "partner.example.com", "login.example.com")
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{bin: program(t), data: t.TempDir(), hooks: make(chan receiver.Received, 10), mails: make(chan mailcatcher.Caught, 10)}
	if v.web, err = receiver.Listen(cert, time.Now, func(r receiver.Received) { v.hooks <- r }); err != nil {
		t.Fatal(err)
	}
	mail, err := mailcatcher.Listen(cert, func(c mailcatcher.Caught) { v.mails <- c })
	if err != nil {
		t.Fatal(err)
	}
	serve(t, v.web.Run)
	serve(t, mail.Run)
	pem := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(pem, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	overrides := "HOST_OVERRIDES=hooks.example.com=" + v.web.Address() + ",smtp.example.com=" + mail.Address()
	for _, p := range partners {
		overrides += p.listen(t, cert)
		v.dir = p.dir
	}
	up := exec.Command(v.bin, "up", "--data", v.data)
	up.Env = append(os.Environ(), "NATS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0", "SYNC=interval", "LOG_LEVEL=warn", "DEVELOPMENT=true",
		overrides, "ROOT_CA_FILE="+pem)
	v.environ = append(awaitReady(t, up), "SMTP_PASSWORD=only-for-this-test")
	return v
}

// serve runs a server until the test ends.
func serve(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

func (v *visit) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := v.try(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// try runs a command that may be refused.
func (v *visit) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), v.bin, append(args, "--data", v.data)...)
	cmd.Dir, cmd.Env = v.dir, append(os.Environ(), v.environ...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// await returns the webhook and the mail.
func (v *visit) await(t *testing.T) (receiver.Received, mailcatcher.Caught) {
	t.Helper()
	late := time.After(2 * time.Minute)
	var hook receiver.Received
	var mail mailcatcher.Caught
	for range 2 {
		select {
		case hook = <-v.hooks:
		case mail = <-v.mails:
		case <-late:
			t.Fatalf("webhook %q, mail %q", hook.Body, mail.Data)
		}
	}
	return hook, mail
}
