package receiver_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/billhook/authority"
	"github.com/billhook/billhook/services/billhook/receiver"
)

func TestMain(m *testing.M) {
	// After a body that is too large net/http waits 500 ms for the client, on a
	// goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const (
	host = "hooks.example.com"
	key  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// open runs a receiver that expects webhooks at /known; it returns a client
// that trusts it, its URL, and what it receives.
func open(t *testing.T) (*http.Client, string, <-chan receiver.Received) {
	t.Helper()
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(host)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan receiver.Received, 10)
	r, err := receiver.Listen(cert, time.Now, func(r receiver.Received) { got <- r })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Expect("/known", key); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return client(t, ca.Pool()), "https://" + r.Address(), got
}

func client(t *testing.T, roots *x509.CertPool) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func TestOnlyWhatIsSignedRightIsAnswered(t *testing.T) {
	c, url, got := open(t)
	signer, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"type":"invoice.posted"}`
	now := time.Now()
	signature, err := signer.Sign("msg_1", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, c2 := range map[string]struct {
		path, body, signature string
		want                  int
	}{
		"right":         {"/known", body, signature, http.StatusNoContent},
		"other body":    {"/known", body + " ", signature, http.StatusUnauthorized},
		"no signature":  {"/known", body, "", http.StatusUnauthorized},
		"nobody's path": {"/other", body, signature, http.StatusUnauthorized},
		"too large":     {"/known", strings.Repeat("x", 1<<20+1), signature, http.StatusRequestEntityTooLarge},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+c2.path, strings.NewReader(c2.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("webhook-id", "msg_1")
		req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		req.Header.Set("webhook-signature", c2.signature)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c2.want {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, c2.want)
		}
		if c2.want == http.StatusRequestEntityTooLarge {
			continue
		}
		if r := <-got; (r.Verified == nil) != (c2.want == http.StatusNoContent) {
			t.Errorf("%s: verified %v", name, r.Verified)
		}
	}
}

func TestNobodyElsesAuthorityIsTrusted(t *testing.T) {
	_, url, _ := open(t)
	other, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t, other.Pool()).Get(url)
	if err == nil {
		_ = resp.Body.Close()
		t.Error("the certificate of another authority was taken")
	}
}
