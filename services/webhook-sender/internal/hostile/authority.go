package hostile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// Authority issues the certificates of receivers.
type Authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority returns an authority that nobody knows yet.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t}
	template := a.template("authority of a test", time.Now().Add(time.Hour))
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a.key = a.newKey()
	var err error
	if a.cert, err = x509.ParseCertificate(a.sign(template, template, a.key)); err != nil {
		t.Fatal(err)
	}
	return a
}

// Roots returns what trusts the authority.
func (a *Authority) Roots() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// Issue returns the settings of a server with a certificate for a name that is
// valid for so long from now on; less than nothing is one that has expired.
func (a *Authority) Issue(name string, valid time.Duration) *tls.Config {
	a.t.Helper()
	key := a.newKey()
	raw := a.sign(a.template(name, time.Now().Add(valid)), a.cert, key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
}

// SelfSigned returns the settings of a server whose certificate no authority
// has signed.
func SelfSigned(t testing.TB, name string) *tls.Config {
	t.Helper()
	stranger := &Authority{t: t}
	template := stranger.template(name, time.Now().Add(time.Hour))
	stranger.key, stranger.cert = stranger.newKey(), template
	raw := stranger.sign(template, template, stranger.key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: stranger.key}}}
}

func (a *Authority) template(name string, until time.Time) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

// sign returns a certificate of key, signed by the authority.
func (a *Authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}
