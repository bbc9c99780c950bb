package post_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/guard"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// raw accepts connections and hands each, before any TLS, to talk.
func raw(t *testing.T, talk func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer func() { _ = c.Close() }()
				talk(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return l.Addr()
}

// certificate is that of httptest, with what trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return &tls.Config{Certificates: srv.TLS.Certificates}, roots
}

// answering reads a request over TLS and then lets talk misbehave.
func answering(conf *tls.Config, talk func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, conf)
		r, err := http.ReadRequest(bufio.NewReader(s))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		talk(s)
	}
}

func say(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

// hold keeps the connection open until the other side closes it.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func drip(c net.Conn, text string) {
	for text != "" {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestHostileReceiversEndInTimeWithAReason(t *testing.T) {
	conf, roots := certificate(t)
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name   string
		talk   func(net.Conn)
		reason string
	}{
		{"closes on connect", func(net.Conn) {}, post.Lost},
		{"speaks no TLS", say("HTTP/1.1 400 Bad Request\r\n\r\n"), post.TLS},
		{"stalls the handshake", hold, post.Timeout},
		{"closes after the request", answering(conf, func(net.Conn) {}), post.Lost},
		{"never answers", answering(conf, hold), post.Timeout},
		{"half a header line", answering(conf, say(ok+"Content-")), post.Protocol},
		{"half of the headers", answering(conf, say(ok+"Content-Length: 0\r\n")), post.Lost},
		{"half a body", answering(conf, say(ok+"Content-Length: 10\r\n\r\nhalf")), post.ResponseBody},
		{"half a chunk", answering(conf, say(ok+"Transfer-Encoding: chunked\r\n\r\n5\r\nab")), post.ResponseBody},
		{"10 GB that never come", answering(conf, func(c net.Conn) {
			say(ok + "Content-Length: 10737418240\r\n\r\nx")(c)
			hold(c)
		}), post.Timeout},
		{"one byte at a time", answering(conf, func(c net.Conn) {
			say(ok + "Content-Length: 9000\r\n\r\n")(c)
			drip(c, "x")
		}), post.Timeout},
		{"header lines for ever", answering(conf, func(c net.Conn) {
			say(ok)(c)
			drip(c, "X-More: 1\r\n")
		}), post.Timeout},
		{"10,000 headers", answering(conf, say(ok+strings.Repeat("X-H: 0123456789\r\n", 10_000)+"\r\n")), post.Protocol},
		{"a huge header", answering(conf, say(ok+"X-H: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")), post.Protocol},
		{"no HTTP", answering(conf, say("SSH-2.0-OpenSSH_9.6\r\n\r\n")), post.Protocol},
		{"100 and nothing", answering(conf, func(c net.Conn) {
			say("HTTP/1.1 100 Continue\r\n\r\n")(c)
			hold(c)
		}), post.Timeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := raw(t, c.talk)
			cl := client(t, settings(roots, reach(addr)))
			start := time.Now()
			a := cl.Post(t.Context(), request("/"))
			if a.Reason != c.reason {
				t.Errorf("got %+v, want %s", a, c.reason)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if strings.Contains(a.Detail, "127.0.0.1") {
				t.Errorf("shows an address: %s", a.Detail)
			}
		})
	}
}

func TestAnEndlessBodyOf2xxIsCutOffAndCountsAsTaken(t *testing.T) {
	conf, roots := certificate(t)
	addr := raw(t, answering(conf, func(c net.Conn) {
		block := strings.Repeat("x", 8<<10)
		say("HTTP/1.1 200 OK\r\n\r\n")(c)
		for {
			if _, err := io.WriteString(c, block); err != nil {
				return
			}
		}
	}))
	a := client(t, settings(roots, reach(addr))).Post(t.Context(), request("/"))
	if a.Reason != "" || len(a.Body) != post.MaxKept {
		t.Fatalf("reason %q, kept %d", a.Reason, len(a.Body))
	}
}

func TestCertificatesAreAlwaysVerified(t *testing.T) {
	conf, roots := certificate(t)
	addr := raw(t, answering(conf, say("HTTP/1.1 204 No Content\r\n\r\n")))
	for name, c := range map[string]struct {
		host   string
		roots  *x509.CertPool
		detail string
	}{
		"unknown authority": {host, x509.NewCertPool(), "authority"},
		"wrong name":        {"other.example.net", roots, "another name"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &guard.Policy{Hosts: map[string]string{c.host: addr.String()}}
			r := request("/")
			r.URL.Host = c.host
			a := client(t, settings(c.roots, p)).Post(t.Context(), r)
			if a.Reason != post.TLS || !strings.Contains(a.Detail, c.detail) {
				t.Fatalf("%+v", a)
			}
		})
	}
}

func TestWhereNobodyListensOrNoNameIsTheReasonSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr()
	_ = l.Close()
	if a := client(t, settings(nil, reach(addr))).Post(t.Context(), request("/")); a.Reason != post.Refused {
		t.Errorf("nobody listens: %+v", a)
	}
	s := settings(nil, &guard.Policy{})
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	}
	if a := client(t, s).Post(t.Context(), request("/")); a.Reason != post.DNS {
		t.Errorf("no name: %+v", a)
	}
}
