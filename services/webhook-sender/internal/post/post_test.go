package post_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a name that the certificate of httptest is made for.
const host = "example.com"

func settings(roots *x509.CertPool, p *guard.Policy) post.Settings {
	return post.Settings{
		Limits:      post.Limits{Handshake: 300 * time.Millisecond, Headers: 300 * time.Millisecond, Total: 600 * time.Millisecond},
		Connections: 8, Roots: roots, Dial: p.DialContext, Now: time.Now,
	}
}

func client(t testing.TB, s post.Settings) *post.Client {
	t.Helper()
	c := post.New(s)
	t.Cleanup(c.Close)
	return c
}

// serve starts an HTTPS server and returns a client that reaches it by name.
func serve(t testing.TB, h http.Handler, change ...func(*httptest.Server)) (*post.Client, *httptest.Server) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = quiet()
	for _, f := range change {
		f(srv)
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	s := settings(roots, reach(srv.Listener.Addr()))
	// What is served here answers, however busy the machine.
	s.Limits = post.Limits{Handshake: 10 * time.Second, Headers: 10 * time.Second, Total: 20 * time.Second}
	return client(t, s), srv
}

func reach(addr net.Addr) *guard.Policy {
	return &guard.Policy{Hosts: map[string]string{host: addr.String()}}
}

func request(path string) post.Request {
	return post.Request{
		URL: &url.URL{Scheme: "https", Host: host, Path: path}, ID: "dlv_1", Timestamp: 1700000000,
		Signature: "v1,abc", Body: []byte(`{"type":"invoice.posted"}`),
	}
}

func TestTheRequestIsAPostWithTheHeadersOfTheSpecification(t *testing.T) {
	var got *http.Request
	var body []byte
	c, _ := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	if a := c.Post(t.Context(), request("/in/acme")); a.Reason != "" || a.Status != 200 {
		t.Fatalf("%+v", a)
	}
	if got.Method != "POST" || got.URL.Path != "/in/acme" || got.Host != host || got.ContentLength != int64(len(body)) {
		t.Errorf("%s %s of %s with %d bytes", got.Method, got.URL, got.Host, got.ContentLength)
	}
	want := map[string]string{
		"Content-Type": "application/json", "User-Agent": "Billhook/1",
		"Webhook-Id": "dlv_1", "Webhook-Timestamp": "1700000000", "Webhook-Signature": "v1,abc",
	}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s is %q", name, got.Header.Get(name))
		}
	}
	if n := got.Header.Get("Accept-Encoding"); n != "" {
		t.Errorf("asks for %q", n)
	}
	if string(body) != `{"type":"invoice.posted"}` {
		t.Errorf("body %q", body)
	}
}

func TestOnlyAnAnswerOf2xxIsSuccessAndRedirectsAreNotFollowed(t *testing.T) {
	var requests atomic.Int32
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
	}))
	for status, reason := range map[int]string{
		200: "", 202: "", 204: "", 299: "",
		300: "redirect", 301: "redirect", 302: "redirect", 303: "redirect", 304: "redirect", 307: "redirect", 308: "redirect",
		400: "status_400", 401: "status_401", 404: "status_404", 410: "status_410", 429: "status_429",
		500: "status_500", 503: "status_503", 599: "status_599",
	} {
		a := c.Post(t.Context(), request(fmt.Sprint("/", status)))
		if a.Reason != reason || a.Status != status {
			t.Errorf("status %d: reason %q, status %d", status, a.Reason, a.Status)
		}
	}
	if n := requests.Load(); n != 19 {
		t.Errorf("%d requests for 19 posts", n)
	}
}

func TestAnAnswerIsReadUpTo64KiBAndKeptUpTo4KiB(t *testing.T) {
	for name, c := range map[string]struct {
		length, kept int
		reused       bool
	}{
		"empty":      {0, 0, true},
		"short":      {100, 100, true},
		"4 KiB":      {4 << 10, 4 << 10, true},
		"60 KiB":     {60 << 10, 4 << 10, true},
		"one MiB":    {1 << 20, 4 << 10, false},
		"no such as": {64 << 20, 4 << 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			var remotes [2]string
			n := 0
			cl, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				remotes[n] = r.RemoteAddr
				n++
				block := []byte(strings.Repeat("x", 1024))
				for left := c.length; left > 0; left -= len(block) {
					if _, err := w.Write(block[:min(left, len(block))]); err != nil {
						return
					}
				}
			}))
			for range 2 {
				if a := cl.Post(t.Context(), request("/")); a.Reason != "" || len(a.Body) != c.kept {
					t.Fatalf("reason %q, kept %d bytes", a.Reason, len(a.Body))
				}
			}
			if (remotes[0] == remotes[1]) != c.reused {
				t.Errorf("connection used again: %v", remotes[0] == remotes[1])
			}
		})
	}
}

func TestTheKeptAnswerIsValidText(t *testing.T) {
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok \xff\xfe")) }))
	if a := c.Post(t.Context(), request("/")); a.Body != "ok \ufffd" {
		t.Fatalf("%q", a.Body)
	}
}

func TestACompressedAnswerStaysSmall(t *testing.T) {
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte("\x1f\x8b\x08 no bomb"))
	}))
	if a := c.Post(t.Context(), request("/")); a.Reason != "" || !strings.HasSuffix(a.Body, "no bomb") {
		t.Fatalf("%+v", a)
	}
}

func TestTheReceiverMayAskToWait(t *testing.T) {
	var value string
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", value)
		w.WriteHeader(429)
	}))
	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "0": 0, "-5": 0, "soon": 0, "1e9": 0, "99999999999": 0,
		"Mon, 01 Jan 2001 00:00:00 GMT": 0,
	} {
		value = text
		if a := c.Post(t.Context(), request("/")); a.RetryAfter != want {
			t.Errorf("%q is taken as %s", text, a.RetryAfter)
		}
	}
	value = time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if a := c.Post(t.Context(), request("/")); a.RetryAfter < 59*time.Minute || a.RetryAfter > time.Hour {
		t.Errorf("a date in an hour is taken as %s", a.RetryAfter)
	}
}

func TestAStopOfTheSenderIsNoFailureOfTheReceiver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees a hang-up
		cancel()
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // an answer that still came would be one
	}))
	if a := c.Post(ctx, request("/")); a.Reason != post.Cancelled {
		t.Fatalf("%+v", a)
	}
}

func TestAnAddressInsideIsRefusedWithoutAConnection(t *testing.T) {
	var connections atomic.Int32
	_, srv := serve(t, http.NotFoundHandler(), func(s *httptest.Server) {
		s.Config.ConnState = func(net.Conn, http.ConnState) { connections.Add(1) }
	})
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	open := &guard.Policy{Ports: []uint16{443, srv443(port)}}
	c := client(t, settings(nil, open))
	r := request("/")
	r.URL.Host = "localhost:" + port
	a := c.Post(t.Context(), r)
	if a.Reason != post.AddressNotAllowed || a.Detail != "address not allowed" || connections.Load() != 0 {
		t.Fatalf("%+v after %d connections", a, connections.Load())
	}
	if !strings.Contains(a.Refused, port) {
		t.Errorf("the operator learns only %q", a.Refused)
	}
}

func srv443(port string) (n uint16) {
	_, _ = fmt.Sscan(port, &n)
	return n
}

// The standard library looks at the environment once for each process, so this
// takes one of its own.
func TestTheEnvironmentsProxyIsNotAsked(t *testing.T) {
	const again = "POST_TEST_WITH_A_PROXY"
	if os.Getenv(again) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), again+"=true", "HTTPS_PROXY=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	c, _ := serve(t, http.NotFoundHandler())
	if a := c.Post(t.Context(), request("/")); a.Status != 404 {
		t.Fatalf("%+v", a)
	}
}

// Each limit by itself ends a request: the others are so long that the test would
// end it first, which counts as a stop.
func TestEveryLimitOfTimeHoldsByItself(t *testing.T) {
	const short, long = 50 * time.Millisecond, time.Hour
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // a return would be an answer
	})
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // a return would end it in order
	})
	accepting, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accepting.Close() })
	deaf := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	mute := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", accepting.Addr().String())
	}
	for _, row := range []struct {
		name    string
		limits  post.Limits
		handler http.Handler
		dial    func(ctx context.Context, network, address string) (net.Conn, error)
	}{
		{"connection", post.Limits{Handshake: short, Headers: long, Total: long}, nil, deaf},
		{"handshake", post.Limits{Handshake: short, Headers: long, Total: long}, nil, mute},
		{"headers", post.Limits{Handshake: long, Headers: short, Total: long}, silent, nil},
		{"total, without headers", post.Limits{Handshake: long, Headers: long, Total: short}, silent, nil},
		{"total, with headers", post.Limits{Handshake: long, Headers: long, Total: time.Second}, endless, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(row.handler)
			srv.Config.ErrorLog = quiet()
			srv.StartTLS()
			t.Cleanup(srv.Close)
			roots := x509.NewCertPool()
			roots.AddCert(srv.Certificate())
			s := settings(roots, reach(srv.Listener.Addr()))
			if s.Limits = row.limits; row.dial != nil {
				s.Dial = row.dial
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if a := client(t, s).Post(ctx, request("/")); a.Reason != post.Timeout {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestTLS11IsRefused(t *testing.T) {
	c, _ := serve(t, http.NotFoundHandler(), func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	if a := c.Post(t.Context(), request("/")); a.Reason != post.TLS {
		t.Fatalf("%+v", a)
	}
}
