// Package identitytest makes client certificates for tests. It refuses to be
// used for anything else: what it makes is signed by nobody but itself.
package identitytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// Identity is a certificate with its key, both as PEM texts.
type Identity struct{ Certificate, Key string }

// New makes an identity of that name, valid for an hour from now on.
func New(t testing.TB, name string) Identity {
	t.Helper()
	return Until(t, name, time.Now().Add(time.Hour))
}

// Until is New with an end of its own.
func Until(t testing.TB, name string, end time.Time) Identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return For(t, key, &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: end})
}

// For makes an identity for a key, as a template says.
func For(t testing.TB, key crypto.Signer, template *x509.Certificate) Identity {
	t.Helper()
	template.SerialNumber = big.NewInt(1)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Identity{
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})),
	}
}
