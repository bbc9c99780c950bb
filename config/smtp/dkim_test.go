package smtp_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/secret"
)

// keyPEM is a private key as OpenSSL writes it.
func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestADKIMKeyIsRSAOrEd25519InPEM(t *testing.T) {
	ed := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	rsa1024, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsa1024)}))
	d := &smtp.DKIM{Domain: "example.com", Selector: "2026-11"}
	for name, row := range map[string]struct{ text, record string }{
		"ed25519":                   {keyPEM(t, ed), `2026-11._domainkey.example.com TXT "v=DKIM1; k=ed25519; p=O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="`},
		"rsa":                       {keyPEM(t, rsa1024), `2026-11._domainkey.example.com TXT "v=DKIM1; k=rsa; p=MIGfMA0`},
		"rsa of openssl 1":          {pkcs1, `2026-11._domainkey.example.com TXT "v=DKIM1; k=rsa; p=MIGfMA0`},
		"blanks around":             {"\n" + keyPEM(t, ed) + " \n", `2026-11._domainkey.example.com TXT "v=DKIM1; k=ed25519; p=`},
		"empty":                     {"", ""},
		"no PEM":                    {"MC4CAQAwBQYDK2VwBCIEIA", ""},
		"two keys":                  {keyPEM(t, ed) + pkcs1, ""},
		"a curve that DKIM has not": {"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n", ""},
		"a public key":              {strings.ReplaceAll(keyPEM(t, ed), "PRIVATE", "PUBLIC")[:60], ""},
	} {
		key, err := smtp.ParseKey(secret.NewText(row.text))
		if row.record == "" {
			if !errors.Is(err, smtp.ErrKey) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := smtp.Record(d, key); err != nil || !strings.HasPrefix(got, row.record) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := smtp.ParseKey(secret.NewText(text))
		if err != nil {
			if !errors.Is(err, smtp.ErrKey) {
				t.Errorf("the error tells more than it should: %v", err)
			}
			return
		}
		if _, err := smtp.Record(&smtp.DKIM{Domain: "example.com", Selector: "a"}, key); err != nil {
			t.Errorf("a key without a record: %v", err)
		}
	})
}
