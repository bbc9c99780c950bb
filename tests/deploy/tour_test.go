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

// visit is a running all-in-one with the two ends that the tour names.
type visit struct {
	bin, data string
	environ   []string
	web       *receiver.Receiver
	hooks     chan receiver.Received
	mails     chan mailcatcher.Caught
}

func openVisit(t *testing.T) *visit {
	t.Helper()
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("hooks.example.com", "smtp.example.com")
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
	up := exec.Command(v.bin, "up", "--data", v.data)
	up.Env = append(os.Environ(), "NATS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0", "SYNC=interval", "LOG_LEVEL=warn", "DEVELOPMENT=true",
		"HOST_OVERRIDES=hooks.example.com="+v.web.Address()+",smtp.example.com="+mail.Address(), "ROOT_CA_FILE="+pem)
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
	cmd := exec.CommandContext(t.Context(), v.bin, append(args, "--data", v.data)...)
	cmd.Env = append(os.Environ(), v.environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// await returns the webhook and the mail.
func (v *visit) await(t *testing.T) (receiver.Received, mailcatcher.Caught) {
	t.Helper()
	late := time.After(30 * time.Second)
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
