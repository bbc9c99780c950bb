package hostile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/post"
)

// Receiver misbehaves in one way.
type Receiver struct {
	Name string
	Talk func(*net.TCPConn)
	// Reason is what an outcome has to say of it, empty where the webhook
	// counts as taken; Detail is a part of the text beside it. A reset may
	// overtake what was said before: then it is Or.
	Reason, Detail, Or string
}

const ok = "HTTP/1.1 200 OK\r\n"

// errRefused is given to TLS for a client that is not wanted.
var errRefused = errors.New("not wanted")

// Receivers returns all of them, for a name that webhooks are sent to.
func Receivers(t testing.TB, a *Authority, name string) []Receiver {
	t.Helper()
	conf := a.Issue(name, time.Hour)
	all := append(connections(conf), certificates(t, a, name)...)
	all = append(all, heads(conf)...)
	return append(all, bodies(conf)...)
}

// connections fail before there is an answer.
func connections(conf *tls.Config) []Receiver {
	return []Receiver{
		{"closes on connect", func(*net.TCPConn) {}, post.Lost, "", ""},
		{"resets on connect", reset, post.Lost, "", ""},
		{"speaks no TLS", raw(say("HTTP/1.1 400 Bad Request\r\n\r\n")), post.TLS, "", ""},
		{"stalls the handshake", raw(hold), post.Timeout, "", ""},
		{"drips the handshake", raw(drip("\x16\x03\x03\x40\x00" + strings.Repeat("\x02", 1<<14))), post.Timeout, "", ""},
		{"closes after the request", answering(conf, func(net.Conn) {}), post.Lost, "", ""},
		{"resets after the request", func(c *net.TCPConn) { answering(conf, func(net.Conn) { reset(c) })(c) }, post.Lost, "", ""},
		{"never answers", answering(conf, hold), post.Timeout, "", ""},
		{"resets within the headers", func(c *net.TCPConn) {
			answering(conf, func(s net.Conn) { say(ok + "Content-Length: 0\r\n")(s); reset(c) })(c)
		}, post.Lost, "", ""},
	}
}

// certificates come from nobody, or from a handshake nobody should accept.
func certificates(t testing.TB, a *Authority, name string) []Receiver {
	taken := say("HTTP/1.1 204 No Content\r\n\r\n")
	old := func(version uint16) *tls.Config {
		c := a.Issue(name, time.Hour)
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, version
		return c
	}
	unwanted := a.Issue(name, time.Hour)
	unwanted.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errRefused }
	return []Receiver{
		{"expired certificate", answering(a.Issue(name, -time.Hour), taken), post.TLS, "has expired", ""},
		{"self-signed certificate", answering(SelfSigned(t, name), taken), post.TLS, "authority is not known", ""},
		{"certificate of an unknown authority", answering(NewAuthority(t).Issue(name, time.Hour), taken), post.TLS, "authority is not known", ""},
		{"certificate for another name", answering(a.Issue("other.example.net", time.Hour), taken), post.TLS, "another name", ""},
		{"TLS 1.0 only", answering(old(tls.VersionTLS10), taken), post.TLS, "1.2 or later", ""},
		{"TLS 1.1 only", answering(old(tls.VersionTLS11), taken), post.TLS, "1.2 or later", ""},
		{"refuses the handshake", answering(unwanted, taken), post.TLS, "", ""},
	}
}

// heads are answers that are none.
func heads(conf *tls.Config) []Receiver {
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // an empty SETTINGS frame of HTTP/2
	return []Receiver{
		{"half a header line", answering(conf, say(ok+"Content-")), post.Protocol, "", ""},
		{"half of the headers", answering(conf, say(ok+"Content-Length: 0\r\n")), post.Lost, "", ""},
		{"header lines for ever", answering(conf, func(c net.Conn) { say(ok)(c); forever(c, "X-More: 1\r\n") }), post.Protocol, "", ""},
		{"one header line at a time", answering(conf, func(c net.Conn) { say(ok)(c); drip(strings.Repeat("X-More: 1\r\n", 1000))(c) }), post.Timeout, "", ""},
		{"10,000 headers", answering(conf, say(ok+strings.Repeat("X-H: 0123456789\r\n", 10_000)+"\r\n")), post.Protocol, "too large", ""},
		{"a huge header", answering(conf, say(ok+"X-H: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")), post.Protocol, "too large", ""},
		{"no HTTP", answering(conf, say("SSH-2.0-OpenSSH_9.6\r\n\r\n")), post.Protocol, "", ""},
		{"HTTP/2 without being asked", answering(conf, func(c net.Conn) { say(settings)(c); hold(c) }), post.Timeout, "", ""},
		{"HTTP/2 in many frames", answering(conf, func(c net.Conn) { say(strings.Repeat(settings, 1000) + "\n")(c); hold(c) }), post.Protocol, "", ""},
		{"a status of 0", answering(conf, say("HTTP/1.1 000 Nothing\r\n\r\n")), post.Protocol, "", ""},
		{"two lengths", answering(conf, say(ok+"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx")), post.Protocol, "", ""},
		{"a negative length", answering(conf, say(ok+"Content-Length: -1\r\n\r\n")), post.Protocol, "", ""},
		{"100 and nothing", answering(conf, func(c net.Conn) { say("HTTP/1.1 100 Continue\r\n\r\n")(c); hold(c) }), post.Timeout, "", ""},
		{"1xx for ever", answering(conf, func(c net.Conn) { forever(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") }), post.Protocol, "", ""},
		{"one 1xx at a time", answering(conf, drip(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100))), post.Timeout, "", ""},
		{"101, switching to nothing", answering(conf, func(c net.Conn) {
			say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")(c)
			hold(c)
		}), post.Protocol, "", ""},
		{"101 without an upgrade", answering(conf, func(c net.Conn) { say("HTTP/1.1 101 Switching Protocols\r\n\r\n")(c); hold(c) }), post.Protocol, "", ""},
	}
}

// bodies do not end, or end too early.
func bodies(conf *tls.Config) []Receiver {
	return []Receiver{
		{"half a body", answering(conf, say(ok+"Content-Length: 10\r\n\r\nhalf")), post.ResponseBody, "", ""},
		{"half a chunk", answering(conf, say(ok+"Transfer-Encoding: chunked\r\n\r\n5\r\nab")), post.ResponseBody, "", ""},
		{"resets within the body", func(c *net.TCPConn) {
			answering(conf, func(s net.Conn) { say(ok + "Content-Length: 10\r\n\r\nhalf")(s); reset(c) })(c)
		}, post.ResponseBody, "", post.Lost},
		{"a chunk of more than there is", answering(conf, say(ok+"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab")), post.ResponseBody, "", ""},
		{"a chunk's extension without an end", answering(conf, func(c net.Conn) {
			say(ok + "Transfer-Encoding: chunked\r\n\r\n1;")(c)
			forever(c, "extension")
		}), post.ResponseBody, "", ""},
		{"trailers for ever", answering(conf, func(c net.Conn) {
			say(ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")(c)
			forever(c, "X-More: 1\r\n")
		}), post.ResponseBody, "", ""},
		{"10 GB that never come", answering(conf, func(c net.Conn) { say(ok + "Content-Length: 10737418240\r\n\r\nx")(c); hold(c) }), post.Timeout, "", ""},
		{"10 GB that come", answering(conf, func(c net.Conn) { say(ok + "Content-Length: 10737418240\r\n\r\n")(c); forever(c, "x") }), "", "", ""},
		{"one byte at a time", answering(conf, func(c net.Conn) {
			say(ok + "Content-Length: 9000\r\n\r\n")(c)
			drip(strings.Repeat("x", 9000))(c)
		}), post.Timeout, "", ""},
		{"a body without an end", answering(conf, func(c net.Conn) { say(ok + "\r\n")(c); forever(c, "x") }), "", "", ""},
		{"a body of tiny chunks without an end", answering(conf, func(c net.Conn) {
			say(ok + "Transfer-Encoding: chunked\r\n\r\n")(c)
			forever(c, "1\r\nx\r\n")
		}), "", "", ""},
		{"a gzip bomb of 32 MiB", answering(conf, say(ok+"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"+bomb())), "", "", ""},
		{"an error without an end", answering(conf, func(c net.Conn) { say("HTTP/1.1 500 Oops\r\n\r\n")(c); forever(c, "x") }), "status_500", "", ""},
		{"a redirect to metadata", answering(conf, say("HTTP/1.1 307 Here\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n")), post.Redirect, "", ""},
	}
}

// raw lets talk misbehave without TLS.
func raw(talk func(net.Conn)) func(*net.TCPConn) {
	return func(c *net.TCPConn) { talk(c) }
}

// answering reads a request over TLS and then lets talk misbehave.
func answering(conf *tls.Config, talk func(net.Conn)) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		s := tls.Server(c, conf)
		r, err := http.ReadRequest(bufio.NewReader(s))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		talk(s)
	}
}

// reset hangs up so that the other side gets RST in place of an end.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func say(text string) func(net.Conn) {
	bytes := []byte(text) // made once: tests measure what a request takes
	return func(c net.Conn) { _, _ = c.Write(bytes) }
}

// hold keeps the connection open until the other side closes it.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// drip says a byte at a time, for longer than anybody should listen.
func drip(text string) func(net.Conn) {
	return func(c net.Conn) {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			<-pace.C
		}
	}
}

// forever says the same again and again until the other side hangs up.
func forever(c net.Conn, text string) {
	block := bytes.Repeat([]byte(text), 1+(8<<10)/len(text))
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

// bomb is 32 MiB of nothing, compressed.
func bomb() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	nothing := make([]byte, 1<<20)
	for range 32 {
		_, _ = w.Write(nothing)
	}
	_ = w.Close()
	return b.String()
}
