package command_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	smtpCanary = "canary-of-the-smtp-password"
	// tornMail has the password where none belongs.
	tornMail = "kind: smtp-settings\nowner: acme\nid: relay2\nname: R\npassword: [" + smtpCanary + "]\n"
	wordyKey = "kind: owner\nid: acme\nname: Acme\npassword: " + smtpCanary + "\n"
)

// TestNoSecretShowsAnywhere plants canaries in every secret that there is, lets
// everything that uses one fail, and looks for them in all that is written.
func TestNoSecretShowsAnywhere(t *testing.T) {
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ends := openEnds(t)
	a := start(t, append(ends.settings, "SECRET_KEY="+key.Reveal(), "LOG_LEVEL=trace")...)
	n := nest{"SECRET_KEY": key.Reveal(), "SMTP password": smtpCanary}
	n["signing secret"] = a.secretly(t, canaryMail, "apply", "-f", "-")
	n["API key"] = a.secretly(t, "", "keys", "create", "--owner", "acme")
	n.operator(t, a)

	a.misuse(t, n)
	a.must(t, "", "publish", "--owner", "acme", "--type", "bill_run.started", "--set", "BillRun.Id=BR-1")
	a.awaitOutcomes(t, n)
	select {
	case password := <-ends.passwords:
		if password != smtpCanary {
			t.Errorf("the mail server was given another password than the planted one")
		}
	default:
		t.Error("nobody logged in to the mail server: the canary never flew")
	}
	a.stop()
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
	n["operator's password"] = strings.TrimSpace(string(b))
}

// search reports every canary in data.
func (n nest) search(t *testing.T, where string, data []byte) {
	t.Helper()
	for name, canary := range n {
		for _, form := range forms(canary) {
			if at := bytes.Index(data, form); at >= 0 {
				t.Errorf("%s shows the %s behind %q", where, name, data[max(0, at-80):at])
			}
		}
	}
}

// forms are the ways in which a secret may be written: plain, as base64, as
// what is sent to a mail server, and as the bytes that it is base64 of.
func forms(canary string) [][]byte {
	bare := strings.TrimPrefix(canary, "whsec_")
	out := [][]byte{[]byte(bare)}
	for _, text := range []string{bare, "\x00relay\x00" + bare} {
		out = append(out, []byte(base64.StdEncoding.EncodeToString([]byte(text))))
	}
	if raw, err := base64.StdEncoding.DecodeString(bare); err == nil {
		out = append(out, raw)
	}
	return out
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

// misuse presents secrets where they are refused.
func (a *app) misuse(t *testing.T, n nest) {
	t.Helper()
	for _, file := range []string{tornMail, wordyKey, canaryMail[:strings.Index(canaryMail, "tls:")] + "tls: perhaps\n"} {
		if status, _ := a.run(t, file, "apply", "-f", "-"); status != 2 {
			t.Errorf("apply took a file that breaks rules: status %d", status)
		}
	}
	for user, password := range map[string]string{
		permission.Operator: n["API key"], permission.PublisherUser("other"): n["API key"], permission.PublisherUser("acme"): n["operator's password"],
	} {
		if _, err := a.login(t, user, password); err == nil {
			t.Errorf("%s got in with another's secret", user)
		}
	}
	for path, key := range map[string]string{"other": n["API key"], "acme": n["API key"] + "x"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.http+"/v1/owners/"+path+"/events", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		n.search(t, "the answer to a wrong key", body.Bytes())
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("status %d, want 401", resp.StatusCode)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// awaitOutcomes waits for a failed attempt on each channel and searches what
// every stream holds by then.
func (a *app) awaitOutcomes(t *testing.T, n nest) {
	t.Helper()
	nc, err := a.login(t, permission.Operator, n["operator's password"])
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, filter := range []string{"outcomes.webhook.retrying.>", "outcomes.email.retrying.>"} {
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
	state := s.CachedInfo().State
	for seq := max(state.FirstSeq, 1); seq <= state.LastSeq; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		n.search(t, "stream "+name, m.Data)
	}
}

// ends are a receiver and a mail server that refuse everything.
type ends struct {
	settings  []string
	passwords chan string
}

func openEnds(t *testing.T) *ends {
	t.Helper()
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("hooks.example.com", "smtp.example.com")
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
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	e.settings = []string{
		"DEVELOPMENT=true", "ROOT_CA_FILE=" + root,
		"HOST_OVERRIDES=hooks.example.com=" + web.Address() + ",smtp.example.com=" + e.mail(t, cert),
	}
	return e
}

// mail runs a mail server that refuses every log-in, and returns its address.
func (e *ends) mail(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return refusing{e}, nil }))
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String()
}

// refusing is a session in which nobody can log in.
type refusing struct{ ends *ends }

func (refusing) AuthMechanisms() []string { return []string{sasl.Plain} }

func (r refusing) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		r.ends.passwords <- password
		return smtp.ErrAuthFailed
	}), nil
}

func (refusing) Mail(string, *smtp.MailOptions) error { return smtp.ErrAuthRequired }
func (refusing) Rcpt(string, *smtp.RcptOptions) error { return smtp.ErrAuthRequired }
func (refusing) Reset()                               {}
func (refusing) Logout() error                        { return nil }

// Data implements smtp.Session.
func (refusing) Data(io.Reader) error { return smtp.ErrAuthRequired }
