package acceptance_test

import (
	"bufio"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/billhook/authority"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/tests/harness"
)

const (
	npmHost = "npm.example.com"
	// abroad has characters of one to four bytes, and what JSON escapes.
	abroad = `Größe "1" \ 例え 🦊 </script>`
)

const npmSeed = `kind: owner
id: acme
name: Acme
---
kind: endpoint
owner: acme
id: npm
name: A receiver in JavaScript
url: https://` + npmHost + `
asymmetric: true
---
kind: subscription
owner: acme
id: npm
name: To the receiver in JavaScript
events: [invoice.posted]
channel: webhook
webhook: {endpoint: npm}
`

var publicKeyLine = regexp.MustCompile(`whpk_\S+`)

// said is a line that the receiver says.
type said struct {
	Port    int
	Knows   int
	Webhook *seen
}

// seen is what the receiver thinks of a webhook: whether it verifies by each of
// the secrets and public keys, and whether a forgery does.
type seen struct {
	Body                     string
	Accepted, Asymmetric     []bool
	Forged, ForgedAsymmetric bool
}

// jsReceiver is a running receiver in Node.
type jsReceiver struct {
	in   io.Writer
	said chan said
	// secrets and keys are those that it verifies with.
	secrets, keys []string
}

// needNode skips the test where Node or a package is missing, but not in the
// pipeline, which installs them.
func needNode(t *testing.T, library string) {
	t.Helper()
	_, noNode := exec.LookPath("node")
	_, noLibrary := os.Stat(filepath.Join("npm/node_modules", library))
	if noNode == nil && noLibrary == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("the pipeline lacks node (%v) or its packages (%v)", noNode, noLibrary)
	}
	t.Skip("needs node, and once: npm ci --prefix tests/acceptance/npm")
}

// openJS starts the receiver.
func openJS(t *testing.T, ca *authority.Authority) *jsReceiver {
	t.Helper()
	needNode(t, "standardwebhooks")
	cert, key := pair(t, ca)
	cmd := exec.Command("node", "npm/receiver.js", cert, key)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &jsReceiver{in: in, said: make(chan said, 100)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(r.said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var s said
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				t.Errorf("the receiver said %q", lines.Text())
			}
			r.said <- s
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		<-read
		_ = cmd.Wait()
	})
	return r
}

// pair writes certificate and key of the receiver to files.
func pair(t *testing.T, ca *authority.Authority) (certFile, keyFile string) {
	t.Helper()
	cert, err := ca.Issue(npmHost)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// next waits for what the receiver says next.
func (r *jsReceiver) next(t *testing.T) said {
	t.Helper()
	select {
	case s, open := <-r.said:
		if !open {
			t.Fatal("the receiver ended")
		}
		return s
	case <-time.After(3 * time.Minute):
		t.Fatal("the receiver said nothing for 60 s")
	}
	return said{}
}

// learn has the receiver verify by what a command printed, too.
func (r *jsReceiver) learn(t *testing.T, printed string) {
	t.Helper()
	r.secrets = append(r.secrets, regexp.MustCompile(`whsec_\S+`).FindString(printed))
	r.keys = append(r.keys, publicKeyLine.FindString(printed))
	line, err := json.Marshal(map[string][]string{"secrets": r.secrets, "keys": r.keys})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(r.in, "%s\n", line); err != nil {
		t.Fatal(err)
	}
	if s := r.next(t); s.Knows != len(r.secrets) {
		t.Fatalf("the receiver said %+v", s)
	}
}

func TestThePublicNpmLibraryVerifiesWebhooksAlsoDuringARotation(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := openJS(t, ca)
	builder := harness.BuilderFor(t)
	w := &world{bin: builder.Build(t), data: t.TempDir()}
	allInOne(t, w, npmSettings(t, ca, r.next(t).Port))

	r.learn(t, w.run(t, npmSeed, "apply", "-f", "-"))
	w.verified(t, r, []bool{true})
	r.learn(t, w.run(t, "", "endpoints", "rotate", "npm", "--owner", "acme", "--overlap", "1h"))
	w.verified(t, r, []bool{true, true})
	r.learn(t, w.run(t, "", "endpoints", "rotate", "npm", "--owner", "acme", "--overlap", "0"))
	w.verified(t, r, []bool{false, false, true})
}

// npmSettings lead the host to the receiver.
func npmSettings(t *testing.T, ca *authority.Authority, port int) []string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"DEVELOPMENT=true", "ROOT_CA_FILE=" + root, "SECRET_KEY=" + key.Reveal(),
		fmt.Sprintf("HOST_OVERRIDES=%s=127.0.0.1:%d", npmHost, port),
	}
}

// verified publishes events until one is verified by exactly the secrets that
// are wanted: a rotation reaches the sender a moment later.
func (w *world) verified(t *testing.T, r *jsReceiver, want []bool) {
	t.Helper()
	for late := time.Now().Add(3 * time.Minute); ; {
		w.run(t, "", "publish", "--owner", "acme", "--type", "invoice.posted", "--account", "A-1001", "--set", "Invoice.Number="+abroad)
		got := r.next(t).Webhook
		if got == nil || got.Forged || got.ForgedAsymmetric || !slices.Contains(got.Accepted, true) || !slices.Contains(got.Asymmetric, true) {
			t.Fatalf("webhook %+v", got)
		}
		var body struct{ Data map[string]string }
		if err := json.Unmarshal([]byte(got.Body), &body); err != nil || body.Data["Invoice.Number"] != abroad || !strings.Contains(got.Body, "例え 🦊") {
			t.Fatalf("%v: body %s", err, got.Body)
		}
		if cmp.Equal(got.Accepted, want) && cmp.Equal(got.Asymmetric, want) {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("verified by %v and %v, want %v", got.Accepted, got.Asymmetric, want)
		}
	}
}
