package webhooksender_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// host is a name that the certificate of httptest is made for.
const host = "example.com"

// request is a webhook as it came in.
type request struct {
	path, id, timestamp, signature, body string
	// query and extra are the URL's query and the header X-Invoice; sequence
	// is the header billhook-sequence.
	query, extra, sequence, contentType string
	verified                            error
	at                                  time.Time
}

// receiver is an HTTPS server that verifies webhooks with the public library
// and answers as the test wants.
type receiver struct {
	srv *httptest.Server

	mu       sync.Mutex
	got      []request
	judges   map[string]*standardwebhooks.Webhook
	answer   func(n int, w http.ResponseWriter, r *http.Request)
	arrivals chan struct{}
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{judges: map[string]*standardwebhooks.Webhook{}, arrivals: make(chan struct{}, 1)}
	r.srv = httptest.NewUnstartedServer(r)
	r.srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	r.srv.StartTLS()
	t.Cleanup(r.srv.Close)
	return r
}

// expect makes requests to a path be verified with a secret.
func (r *receiver) expect(t testing.TB, path, secret string) {
	t.Helper()
	judge, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judges[path] = judge
}

// answers sets what follows on the n-th request (from 1) of a path. Without it
// every request is answered 204.
func (r *receiver) answers(f func(n int, w http.ResponseWriter, req *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// answersBody is answers for a test that looks at the body.
func (r *receiver) answersBody(f func(body []byte, w http.ResponseWriter)) {
	r.answers(func(_ int, w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			f(body, w)
		}
	})
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	got := request{
		path: req.URL.EscapedPath(), id: req.Header.Get("webhook-id"), timestamp: req.Header.Get("webhook-timestamp"),
		signature: req.Header.Get("webhook-signature"), body: string(body), at: time.Now(),
		query: req.URL.RawQuery, extra: req.Header.Get("X-Invoice"), sequence: req.Header.Get("billhook-sequence"),
		contentType: req.Header.Get("Content-Type"),
	}
	n := 1
	r.mu.Lock()
	if judge := r.judges[req.URL.Path]; judge != nil {
		got.verified = judge.Verify(body, req.Header)
	}
	for _, g := range r.got {
		if g.path == got.path {
			n++
		}
	}
	r.got = append(r.got, got)
	answer := r.answer
	r.mu.Unlock()
	select {
	case r.arrivals <- struct{}{}:
	default:
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	answer(n, w, req)
}

// requests are all that came in so far.
func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]request(nil), r.got...)
}

// until waits until enough requests came in.
func (r *receiver) until(t testing.TB, enough func([]request) bool) []request {
	t.Helper()
	deadline := time.After(patience)
	for {
		got := r.requests()
		if enough(got) {
			return got
		}
		select {
		case <-r.arrivals:
		case <-deadline:
			t.Fatalf("gave up waiting with %d requests", len(got))
		}
	}
}

// repeats is how many requests repeat the id of an earlier one.
func repeats(got []request) int {
	seen := map[string]bool{}
	for _, g := range got {
		seen[g.id] = true
	}
	return len(got) - len(seen)
}
