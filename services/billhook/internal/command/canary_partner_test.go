package command_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/billhook/billhook/config/endpoint/identitytest"
)

// partner is a receiver that wants every proof there is, repeats in its answer
// all that it was sent, and refuses it until it takes it; and its token server,
// which does so once it has given a token.
type partner struct {
	id    identitytest.Identity
	flown chan string
	takes *atomic.Bool
}

const (
	clientCanary = "canary-of-the-oauth-client"
	lineCanary   = "canary-of-the-secret-header"
	tokenCanary  = "canary-of-the-access-token"
)

// canaries are what the partner's endpoint is configured with, and gets.
func (p *partner) canaries(n nest) {
	n["endpoint/auth_secret"], n["endpoint/headers/value"], n["access token"] = clientCanary, lineCanary, tokenCanary
	// One line of the key is enough, and is found where line ends are escaped.
	n["endpoint/client_key"] = strings.Split(p.id.Key, "\n")[1]
}

func (p *partner) document() string {
	return `kind: endpoint
owner: acme
id: partner
name: Partner
url: https://partner.example.com
auth: {scheme: oauth2, token_url: "https://auth.example.com/token", client_id: billing, client_auth: body}
auth_secret: ` + clientCanary + `
client_certificate: ` + strconv.Quote(p.id.Certificate) + `
client_key: ` + strconv.Quote(p.id.Key) + `
headers: [{name: X-Secret, value: ` + lineCanary + `, secret: true}]
---
kind: subscription
owner: acme
id: partner
name: To the partner
events: [bill_run.started]
channel: webhook
webhook: {endpoint: partner}
`
}

// misuse gives what is configured where it is refused.
func (p *partner) misuse(t *testing.T, a *app) {
	t.Helper()
	for _, change := range []*strings.Replacer{
		strings.NewReplacer("client_id: billing, ", ""),
		strings.NewReplacer("client_certificate: ", "client_certificate: "+strconv.Quote(p.id.Key)+" #"),
		strings.NewReplacer("client_key: ", "client_key: "+strconv.Quote(p.id.Key[:len(p.id.Key)/2])+" #"),
		strings.NewReplacer("value: ", "value: [", ", secret", "], secret"),
		strings.NewReplacer("name: X-Secret", "name: Host"),
		strings.NewReplacer("https://partner", "http://partner"),
	} {
		if status, out := a.run(t, change.Replace(p.document()), "apply", "-f", "-"); status != 2 {
			t.Errorf("apply took a file that breaks rules: status %d: %s", status, out)
		}
	}
}

func openPartner(t *testing.T, cert tls.Certificate, takes *atomic.Bool) (*partner, string) {
	t.Helper()
	p := &partner{id: identitytest.New(t, "billing"), flown: make(chan string, 100), takes: takes}
	srv := httptest.NewUnstartedServer(p)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return p, srv.Listener.Addr().String()
}

func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var sent bytes.Buffer
	_ = r.Header.Write(&sent)
	_, _ = sent.ReadFrom(r.Body)
	if r.Host == "auth.example.com" {
		p.flown <- sent.String()
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"error_description":%q}`, tokenCanary, sent.String())
		return
	}
	for _, c := range r.TLS.PeerCertificates {
		sent.WriteString("certificate of " + c.Subject.CommonName)
	}
	p.flown <- sent.String()
	if !p.takes.Load() {
		w.WriteHeader(http.StatusUnauthorized)
	}
	_, _ = w.Write(sent.Bytes())
}

// flew checks that what was planted was used.
func (p *partner) flew(t *testing.T) {
	t.Helper()
	close(p.flown)
	var all strings.Builder
	for sent := range p.flown {
		all.WriteString(sent)
	}
	for _, want := range []string{"client_secret=" + clientCanary, "Bearer " + tokenCanary, lineCanary, "certificate of billing"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("%s never flew", want)
		}
	}
}
