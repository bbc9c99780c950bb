package command_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/billhook/authority"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/topology"
)

const (
	canaryMail = `kind: owner
id: acme
name: Acme
---
kind: smtp-settings
owner: acme
id: relay
name: Relay
host: smtp.example.com
port: 587
from_address: billing@example.com
username: relay
password: canary-of-the-smtp-password
tls: mandatory
default: true
dkim: {domain: example.com, selector: a}
dkim_key: |
  -----BEGIN PRIVATE KEY-----
  ` + dkimCanary + `
  -----END PRIVATE KEY-----
---
kind: canned-email
owner: acme
id: news
name: News
subject: "{{[Event Name]}}"
text: "{{BillRun.Id}}"
to: [{address: ops@example.com}]
---
kind: endpoint
owner: acme
id: crm
name: CRM
url: https://hooks.example.com
---
kind: subscription
owner: acme
id: mail
name: By email
events: [bill_run.started]
channel: email
email: {canned_email: news}
---
kind: subscription
owner: acme
id: hook
name: By webhook
events: [bill_run.started]
channel: webhook
webhook: {endpoint: crm, path: /in}
`
	natsCanary = "canary-of-the-nats-token"
	smtpCanary = "canary-of-the-smtp-password"
	dkimCanary = "MC4CAQAwBQYDK2VwBCIEIGNhbmFyeS1vZi10aGUtZGtpbS1rZXktMzItYnl0ZXMh"
	// tornMail has the password where none belongs.
	tornMail = "kind: smtp-settings\nowner: acme\nid: relay2\nname: R\npassword: [" + smtpCanary + "]\n"
	wordyKey = "kind: owner\nid: acme\nname: Acme\npassword: " + smtpCanary + "\n"
)

// TestNoSecretShowsAnywhere plants canaries in every secret that there is, lets
// everything that uses one fail and then succeed, and looks for them in all that
// is written.
func TestNoSecretShowsAnywhere(t *testing.T) {
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ends := openEnds(t)
	a := start(t, append(ends.settings, "SECRET_KEY="+key.Reveal(), "LOG_LEVEL=trace", "MAILER_SETTINGS_RETRY=1s")...)
	n := nest{"SECRET_KEY": key.Reveal(), "smtp-settings/password": smtpCanary, "smtp-settings/dkim_key": dkimCanary, "NATS_TOKEN": natsCanary}
	n["signing secret"] = a.secretly(t, canaryMail, "apply", "-f", "-")
	n["API key"] = a.secretly(t, "", "keys", "create", "--owner", "acme")
	n.operator(t, a)
	n["operator's API key"] = a.firstKey(t)
	ends.partner.canaries(n)
	n["partner's signing secret"] = a.secretly(t, ends.partner.document(), "apply", "-f", "-")
	n.covers(t)

	a.misuse(t, n)
	ends.partner.misuse(t, a)
	a.must(t, "", "publish", "--owner", "acme", "--type", "bill_run.started", "--set", "BillRun.Id=BR-1")
	a.awaitOutcomes(t, n, "outcomes.webhook.retrying.acme.hook", "outcomes.webhook.retrying.acme.partner", "outcomes.email.retrying.>")
	for _, args := range [][]string{
		{"test", "crm", "--type", "bill_run.started", "--json"}, {"test", "crm", "--type", "bill_run.started", "--subscription", "hook"},
		{"smtp", "test", "relay", "--to", "ops@example.com", "--json"}, {"preview", "news", "--type", "bill_run.started", "--json"},
		{"parked", "--json"}, {"resend", "--result", "retrying"}, {"replay", "hook", "--from", "beginning"},
		{"audit"}, {"audit", "--json"}, {"keys", "list", "--json"}, {"get"}, {"get", "--json"},
	} {
		a.run(t, "", append(args, "--owner", "acme")...)
	}
	select {
	case password := <-ends.passwords:
		if password != smtpCanary {
			t.Errorf("the mail server was given another password than the planted one")
		}
	default:
		t.Error("nobody logged in to the mail server: the canary never flew")
	}
	if status, shown := a.run(t, "", "test", "partner", "--owner", "acme", "--type", "bill_run.started"); status == 0 || !strings.Contains(shown, "answer 401") {
		t.Errorf("status %d of a test that is refused: %s", status, shown)
	}
	ends.takes.Store(true)
	a.must(t, "", "publish", "--owner", "acme", "--type", "bill_run.started", "--set", "BillRun.Id=BR-2")
	a.awaitOutcomes(t, n, "outcomes.webhook.delivered.acme.partner", "outcomes.email.delivered.>")
	for _, args := range [][]string{
		{"test", "partner", "--owner", "acme", "--type", "bill_run.started", "--json"}, {"smtp", "test", "relay", "--owner", "acme", "--to", "ops@example.com", "--json"},
		{"deliveries", "--owner", "acme", "--json"}, {"endpoints", "status", "--owner", "acme"}, {"check"}, {"secrets", "status"}, {"secrets", "reseal"},
		{"endpoints", "disable", "crm", "--owner", "acme"},
	} {
		a.must(t, "", args...)
	}
	a.overTheAPI(t, n)
	a.run(t, canaryMail, "apply", "--dry-run", "-f", "-")
	a.strangers(t)
	a.stop()
	ends.partner.flew(t)
	n.search(t, "what was printed and logged", []byte(a.printed.String()))
	n.searchFiles(t, a.data)
}

// nest holds the canaries by name.
type nest map[string]string

// operator adds the operator's password, whose file is its one place.
func (n nest) operator(t *testing.T, a *app) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(a.data, "operator.password"))
	if err != nil {
		t.Fatal(err)
	}
	n["NATS_PASSWORD"] = strings.TrimSpace(string(b))
}

// search reports a canary in data.
func (n nest) search(t *testing.T, where string, data []byte) {
	t.Helper()
	if name, at := n.find(data); name != "" {
		t.Errorf("%s shows the %s behind %q", where, name, data[max(0, at-80):at])
	}
}

// find returns the name of a canary in data, and where it is.
func (n nest) find(data []byte) (name string, at int) {
	for name, canary := range n {
		for _, form := range forms(canary) {
			if at := bytes.Index(data, form); at >= 0 {
				return name, at
			}
		}
	}
	return "", 0
}

func (n nest) searchFiles(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "operator.password" {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		n.search(t, path, data)
		return err
	})
	if err != nil || files < 50 {
		t.Errorf("searched %d files: %v", files, err)
	}
}

// secretly runs a command that shows a secret once; it returns the secret and
// keeps the output out of what is searched.
func (a *app) secretly(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	before := a.printed.Len()
	fields := strings.Fields(a.must(t, stdin, args...))
	shown := ""
	for _, f := range fields {
		if strings.HasPrefix(f, "whsec_") || strings.HasPrefix(f, "bhk_") {
			shown = f
		}
	}
	if shown == "" {
		t.Fatalf("%v showed no secret", args)
	}
	a.printed.Redact(before, shown)
	return shown
}

// firstKey is the operator's key that the first start shows once, which is
// taken out of what is searched.
func (a *app) firstKey(t *testing.T) string {
	t.Helper()
	for _, f := range strings.Fields(a.printed.String()) {
		if strings.HasPrefix(f, "bho_") {
			a.printed.Redact(0, f)
			return f
		}
	}
	t.Fatal("the first start showed no key of the operator")
	return ""
}

// misuse presents secrets where they are refused.
func (a *app) misuse(t *testing.T, n nest) {
	t.Helper()
	for _, file := range []string{tornMail, wordyKey, canaryMail[:strings.Index(canaryMail, "tls:")] + "tls: perhaps\n"} {
		if status, _ := a.run(t, file, "apply", "-f", "-"); status != 2 {
			t.Errorf("apply took a file that breaks rules: status %d", status)
		}
	}
	for user, password := range map[string]string{
		permission.Operator: n["API key"], permission.PublisherUser("other"): n["API key"], permission.PublisherUser("acme"): n["NATS_PASSWORD"],
	} {
		if _, err := a.login(t, user, password); err == nil {
			t.Errorf("%s got in with another's secret", user)
		}
	}
	for path, try := range map[string]struct {
		key    string
		status int
	}{
		"other": {n["API key"], http.StatusNotFound}, "acme": {n["API key"] + "x", http.StatusUnauthorized},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.http+"/v1/owners/"+path+"/events", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+try.key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		n.search(t, "the answer to a wrong key", body.Bytes())
		if resp.StatusCode != try.status {
			t.Errorf("status %d, want %d", resp.StatusCode, try.status)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// strangers has commands present what is refused, and asks the app's pages.
func (a *app) strangers(t *testing.T) {
	t.Helper()
	for _, setting := range []string{"NATS_TOKEN=" + natsCanary, "SECRET_KEY=" + natsCanary, "SECRET_KEY=" + smtpCanary} {
		before := a.environ
		a.environ = append(slices.Clone(before), setting)
		if status, _ := a.run(t, "", "secrets", "status"); status == 0 {
			t.Errorf("%.10s: taken", setting)
		}
		a.environ = before
	}
	for _, path := range []string{"/", "/livez", "/readyz", "/metrics", "/v1/owners/acme/events"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.http+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(&a.printed, resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// awaitOutcomes waits for an outcome of each filter and searches what every
// stream holds by then.
func (a *app) awaitOutcomes(t *testing.T, n nest, filters ...string) {
	t.Helper()
	nc, err := a.login(t, permission.Operator, n["NATS_PASSWORD"])
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, filter := range filters {
		c, err := js.OrderedConsumer(ctx, topology.Outcomes, jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.Next(jetstream.FetchContext(ctx))
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		n.search(t, "an outcome", m.Data())
	}
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		n.searchStream(ctx, t, js, name)
	}
	if names.Err() != nil {
		t.Fatal(names.Err())
	}
}

func (n nest) searchStream(ctx context.Context, t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	s, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	holds := slices.Contains([]string{topology.SMTP, topology.Endpoints, topology.Ledgers}, strings.TrimPrefix(name, topology.BucketStream("")))
	state := s.CachedInfo().State
	for seq := max(state.FirstSeq, 1); seq <= state.LastSeq; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !holds && bytes.Contains(m.Data, []byte("sealed:v1:")) {
			t.Errorf("stream %s holds a sealed text, which no rotation seals anew", name)
		}
		n.search(t, "stream "+name, fmt.Append(m.Data, m.Subject, m.Header))
	}
}

// ends are receivers and a mail server that refuse everything; the partner and
// the mail server do until they take it.
type ends struct {
	takes     atomic.Bool
	partner   *partner
	settings  []string
	passwords chan string
}

func openEnds(t *testing.T) *ends {
	t.Helper()
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("hooks.example.com", "smtp.example.com", "partner.example.com", "auth.example.com")
	if err != nil {
		t.Fatal(err)
	}
	e := &ends{passwords: make(chan string, 100)}
	web, err := receiver.Listen(cert, time.Now, func(receiver.Received) {}) // it knows no secret and so refuses
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = web.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	var address string
	e.partner, address = openPartner(t, cert, &e.takes)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	e.settings = []string{
		"DEVELOPMENT=true", "ROOT_CA_FILE=" + root,
		"HOST_OVERRIDES=hooks.example.com=" + web.Address() + ",partner.example.com=" + address + ",auth.example.com=" + address + ",smtp.example.com=" + e.mail(t, cert),
	}
	return e
}

// mail runs a mail server that refuses every log-in until it takes letters, and
// returns its address.
func (e *ends) mail(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return choosy{e}, nil }))
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String()
}

// choosy is a session in which nobody can log in until its server takes
// letters.
type choosy struct{ ends *ends }

func (choosy) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c choosy) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		c.ends.passwords <- password
		if c.ends.takes.Load() {
			return nil
		}
		return smtp.ErrAuthFailed
	}), nil
}

func (c choosy) verdict() error {
	if c.ends.takes.Load() {
		return nil
	}
	return smtp.ErrAuthRequired
}

func (c choosy) Mail(string, *smtp.MailOptions) error { return c.verdict() }
func (c choosy) Rcpt(string, *smtp.RcptOptions) error { return c.verdict() }
func (choosy) Reset()                                 {}
func (choosy) Logout() error                          { return nil }

// Data implements smtp.Session.
func (c choosy) Data(r io.Reader) error {
	_, _ = io.Copy(io.Discard, r)
	return c.verdict()
}
