package endpoint_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/endpoint/identitytest"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

func TestAClientCertificateIsJudgedOnItsFormItsKeyAndItsEnd(t *testing.T) {
	one, other := identitytest.New(t, "one"), identitytest.New(t, "other")
	ended := identitytest.Until(t, "ended", time.Now().Add(-time.Minute))
	weak := shortRSA(t)
	encrypted := strings.ReplaceAll(one.Key, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
	for _, row := range []struct {
		name, certificate, key string
		pointer, rule          string // "" when legal
	}{
		{"fits", one.Certificate, one.Key, "", ""},
		{"with its authority", one.Certificate + other.Certificate, one.Key, "", ""},
		{"without a last line end", strings.TrimSpace(one.Certificate), strings.TrimSpace(one.Key), "", ""},
		{"behind a comment", "Bag Attributes\n" + one.Certificate, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + one.Key, "", ""},
		{"no PEM", "hello", one.Key, "/client_certificate", "certificate.form"},
		{"the key in its place", one.Key, one.Key, "/client_certificate", "certificate.form"},
		{"torn", one.Certificate + one.Certificate[:100], one.Key, "/client_certificate", "certificate.form"},
		{"no certificate in PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", one.Key, "/client_certificate", "certificate.form"},
		{"eleven", strings.Repeat(one.Certificate, 11), one.Key, "/client_certificate", "certificate.length"},
		{"large", one.Certificate + strings.Repeat(" ", endpoint.MaxPEM), one.Key, "/client_certificate", "certificate.length"},
		{"short RSA key", weak.Certificate, weak.Key, "/client_certificate", "certificate.key"},
		{"ended", ended.Certificate, ended.Key, "/client_certificate", "certificate.expired"},
		{"another's key", one.Certificate, other.Key, "/client_key", "client_key.other"},
		{"authority first", other.Certificate + one.Certificate, one.Key, "/client_key", "client_key.other"},
		{"no key", one.Certificate, one.Certificate, "/client_key", "client_key.form"},
		{"with a password", one.Certificate, encrypted, "/client_key", "client_key.form"},
		{"large key", one.Certificate, one.Key + strings.Repeat(" ", endpoint.MaxPEM), "/client_key", "client_key.length"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := endpoint.Spec{ID: "a", Name: "A", URL: "https://hooks.example.com/", ClientCertificate: row.certificate}
			p := s.Check()
			if len(p) == 0 {
				p = s.CheckIdentity(secret.NewText(row.key), time.Now())
			}
			if row.rule == "" && len(p) > 0 || row.rule != "" && (len(p) != 1 || p[0].Pointer != row.pointer || p[0].Rule != row.rule) {
				t.Errorf("problems = %v, want %s %s", p, row.pointer, row.rule)
			}
			if row.rule == "" && !strings.HasPrefix(s.ClientCertificate, one.Certificate) {
				t.Errorf("not in its stored form: %q", s.ClientCertificate)
			}
		})
	}
}

func TestEveryUsualKindOfClientKeyIsTaken(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	template := func() *x509.Certificate { return &x509.Certificate{NotAfter: time.Now().Add(time.Hour)} }
	sec1, err := x509.MarshalECPrivateKey(curve)
	must(t, err)
	for name, id := range map[string]identitytest.Identity{
		"ECDSA": identitytest.For(t, curve, template()), "Ed25519": identitytest.For(t, edwards, template()),
		"RSA": identitytest.For(t, long, template()),
		"ECDSA in SEC 1": {Certificate: identitytest.For(t, curve, template()).Certificate,
			Key: text("EC PRIVATE KEY", sec1)},
		"RSA in PKCS #1": {Certificate: identitytest.For(t, long, template()).Certificate,
			Key: text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(long))},
	} {
		s := endpoint.Spec{ClientCertificate: id.Certificate}
		if p := s.CheckIdentity(secret.NewText(id.Key), time.Now()); len(p) > 0 {
			t.Errorf("%s: %v", name, p)
		}
		if c, err := s.Identity(secret.NewText(id.Key)); err != nil || c.Leaf == nil || len(c.Certificate) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is refused never says anything of what was given: it may be the key.
func FuzzClientCertificate(f *testing.F) {
	id := identitytest.New(f, "one")
	f.Add(id.Certificate, id.Key)
	f.Add(id.Key, id.Certificate)
	f.Add("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, certificate, key string) {
		s := endpoint.Spec{ID: "a", Name: "A", URL: "https://hooks.example.com/", ClientCertificate: certificate}
		p := s.Check()
		if len(p) > 0 || s.ClientCertificate == "" {
			return
		}
		stored := s.ClientCertificate
		if p = s.Check(); len(p) > 0 || s.ClientCertificate != stored {
			t.Errorf("the stored form is refused or changes: %v", p)
		}
		p = s.CheckIdentity(secret.NewText(key), time.Time{})
		if _, err := s.Identity(secret.NewText(key)); (err == nil) != (len(p) == 0) || fault.ProblemsOf(err) == nil && err != nil {
			t.Errorf("judged %v, and used %v", p, err)
		}
	})
}

func text(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shortRSA is an identity with a key of 1024 bits.
func shortRSA(t *testing.T) identitytest.Identity {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	return identitytest.For(t, key, &x509.Certificate{NotAfter: time.Now().Add(time.Hour)})
}
