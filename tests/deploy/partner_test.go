package deploy_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/billhook/billhook/config/endpoint/identitytest"
)

// partner is the endpoint of that name in webhooks.yaml with its token server.
type partner struct {
	// dir holds the certificate and the key that the file names.
	dir   string
	forms chan url.Values
	hooks chan *http.Request
	judge chan *standardwebhooks.Webhook
}

func openPartner(t *testing.T) *partner {
	t.Helper()
	p := &partner{
		dir: t.TempDir(), forms: make(chan url.Values, 10), hooks: make(chan *http.Request, 10), judge: make(chan *standardwebhooks.Webhook, 1),
	}
	id := identitytest.New(t, "billing")
	for name, text := range map[string]string{"billing.crt": id.Certificate, "billing.key": id.Key} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// listen serves both names and returns the overrides that lead there.
func (p *partner) listen(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(p)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	at := srv.Listener.Addr().String()
	return ",partner.example.com=" + at + ",login.example.com=" + at
}

func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host == "login.example.com" {
		_ = r.ParseForm()
		p.forms <- r.PostForm
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"access_token":"a-token","token_type":"Bearer","expires_in":600}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	if judge := <-p.judge; err == nil && judge.Verify(body, r.Header) == nil {
		p.hooks <- r
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func (p *partner) expect(t *testing.T, secret string) {
	t.Helper()
	judge, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	p.judge <- judge
}

// await waits for the webhook and looks at all that proves its sender.
func (p *partner) await(t *testing.T) {
	t.Helper()
	select {
	case r := <-p.hooks:
		got := map[string]string{
			"path": r.URL.Path, "token": r.Header.Get("Authorization"), "tenant": r.Header.Get("X-Tenant"), "route": r.Header.Get("X-Route-Key"),
		}
		for _, c := range r.TLS.PeerCertificates {
			got["certificate"] = c.Subject.CommonName
		}
		want := map[string]string{
			"path": "/hooks", "token": "Bearer a-token", "tenant": "acme", "route": "only-for-this-test", "certificate": "billing",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the partner got no webhook")
	}
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"billing"}, "client_secret": {"only-for-this-test"},
		"scope": {"webhooks"}, "audience": {"https://partner.example.com"},
	}
	if d := cmp.Diff(want, <-p.forms); d != "" {
		t.Error(d)
	}
}
