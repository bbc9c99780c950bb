// Package postfixtest runs Debian's Postfix for a test, with a configuration
// and a spool of its own: TLS, logins by Cyrus SASL, and one maildir for each
// of a few people of example.com. Nothing of the machine's own configuration is
// read or changed.
package postfixtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"
)

// Host is the name of the server; User and Password are the login it takes.
const (
	Host     = "main.example.com"
	User     = "relay@example.com"
	Password = "right-horse-battery"
)

// People are who has a mailbox, each at example.com.
func People() []string { return []string{"ada", "tom", "hidden"} }

// Postfix is a running server.
type Postfix struct {
	// Address is where it listens, Roots verify its certificate.
	Address string
	Roots   *x509.CertPool

	dir string
}

// Start runs a server until the test ends. Where Postfix is not installed, or
// cannot be run since the user is neither root nor may become it, the test is
// skipped, and fails in the pipeline (CI is set).
func Start(t *testing.T) *Postfix {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Postfix: run without -short")
	}
	for _, name := range []string{"postfix", "saslpasswd2"} {
		if _, err := exec.LookPath(name); err != nil {
			lacking(t, name+" is not installed")
		}
	}
	if os.Getuid() != 0 && exec.CommandContext(t.Context(), "sudo", "-n", "true").Run() != nil {
		lacking(t, "Postfix needs root to start")
	}
	p := &Postfix{dir: folder(t), Roots: x509.NewCertPool()}
	p.Address = free(t)
	p.certify(t)
	p.write(t)
	p.password(t)
	p.run(t)
	return p
}

func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// folder is one that other users may look into, which [testing.T.TempDir] is
// not.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postfix-") //nolint:usetesting // see above
	must(t, err)
	must(t, os.Chmod(dir, 0o755)) //nolint:gosec // Postfix's own users look into it
	t.Cleanup(func() { root(t, "rm", "-rf", dir) })
	return dir
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func (p *Postfix) certify(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: Host}, DNSNames: []string{Host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.Roots.AppendCertsFromPEM(cert)
	// Postfix wants the key first.
	p.file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))+string(cert))
}

func (p *Postfix) file(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))  //nolint:gosec // Postfix's own users look into it
	must(t, os.WriteFile(path, []byte(text), 0o644)) //nolint:gosec // the same
}

func (p *Postfix) write(t *testing.T) {
	t.Helper()
	for name, text := range map[string]string{"etc/main.cf": mainCF, "etc/master.cf": masterCF, "etc/sasl/smtpd.conf": saslConf} {
		var b bytes.Buffer
		must(t, template.Must(template.New(name).Parse(text)).Execute(&b, map[string]any{
			"Dir": p.dir, "Address": p.Address, "Host": Host, "People": People(),
		}))
		p.file(t, name, b.String())
	}
	for _, dir := range []string{"spool", "data", "mail"} {
		must(t, os.MkdirAll(filepath.Join(p.dir, dir), 0o755)) //nolint:gosec // Postfix's own users look into it
	}
	root(t, "chown", "-R", "root", p.path("etc"), p.path("spool"))
	root(t, "chown", "postfix", p.path("data"))
	root(t, "chown", "nobody", p.path("mail"))
}

func (p *Postfix) path(name string) string { return filepath.Join(p.dir, name) }

// password stores the login.
func (p *Postfix) password(t *testing.T) {
	t.Helper()
	user, domain, _ := strings.Cut(User, "@")
	cmd := command(context.Background(), "saslpasswd2", "-p", "-c", "-f", p.path("sasldb"), "-u", domain, user)
	cmd.Stdin = strings.NewReader(Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("saslpasswd2: %v\n%s", err, out)
	}
	root(t, "chown", "postfix", p.path("sasldb"))
}

// run starts the server and waits until it answers.
func (p *Postfix) run(t *testing.T) {
	t.Helper()
	root(t, "postfix", "-c", p.path("etc"), "start")
	t.Cleanup(func() {
		root(t, "postfix", "-c", p.path("etc"), "stop")
		if t.Failed() {
			t.Logf("Postfix says:\n%s", p.Log(t))
		}
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Address)
	must(t, err)
	_ = conn.Close()
}

// Log is what the server has written down so far.
func (p *Postfix) Log(t *testing.T) string {
	t.Helper()
	out, err := command(context.Background(), "cat", p.path("log")).Output()
	must(t, err)
	return string(out)
}

// Letters returns the letters in a person's mailbox once there are n.
func (p *Postfix) Letters(ctx context.Context, t *testing.T, person string, n int) []string {
	t.Helper()
	box := filepath.Join(p.path("mail"), person, "new")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		names, err := command(ctx, "find", box, "-type", "f").Output()
		if found := strings.Fields(string(names)); err == nil && len(found) >= n {
			var out []string
			for _, name := range found {
				data, err := command(ctx, "cat", name).Output()
				must(t, err)
				out = append(out, string(data))
			}
			return out
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("fewer than %d letters for %s:\n%s", n, person, p.Log(t)) //nolint:contextcheck // the context has ended
		}
	}
}

// command is one that root runs.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if os.Getuid() != 0 {
		name, args = "sudo", append([]string{"-n", name}, args...)
	}
	return exec.CommandContext(ctx, name, args...)
}

func root(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := command(context.Background(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
