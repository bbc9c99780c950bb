package smtp_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
)

// wire is a server that takes everything and keeps every byte that it was sent.
type wire struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

func (w *wire) take() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := bytes.Clone(w.sent.Bytes())
	w.sent.Reset()
	return out
}

// Write implements io.Writer.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent.Write(p)
}

// tapped returns a pool whose every connection goes to such a server.
func tapped(t *testing.T) (*smtp.Pool, *wire) {
	t.Helper()
	w := &wire{}
	var served sync.WaitGroup
	pool := smtp.NewPool(smtp.Config{
		Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			served.Go(func() { w.serve(theirs) })
			return ours, nil
		},
		HelloName: "test.example", Connections: 1, IdleTime: time.Hour, Age: time.Hour,
		Timeout: 20 * time.Second, SendTimeout: 20 * time.Second, Now: time.Now,
	})
	t.Cleanup(func() {
		pool.Close()
		served.Wait()
	})
	return pool, w
}

// serve answers. Commands and letters end by CRLF only.
func (w *wire) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
	say("220 ready")
	letter := false
	for r := bufio.NewReader(io.TeeReader(c, w)); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch {
		case letter && line == ".\r\n":
			letter = false
			say("250 taken")
		case letter:
		case line == "DATA\r\n":
			letter = true
			say("354 go on")
		case line == "QUIT\r\n":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

// hostileText draws what somebody may try.
func hostileText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"a\r\nBcc: x@evil.example", "a\nX-Evil: 1", "a\rX-Evil: 1", "=?utf-8?q?a=0D=0ABcc:_x?=", "\u2028Bcc: x", "\u0085X: 1",
		"\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n", "\n.\n", ".", "..", "\r.\r", "\x00", strings.Repeat("x", 3000),
		strings.Repeat("ü", 1500), strings.Repeat("a ", 1200), "\t", "a\r\n b", "<b>\r\r\n</b>",
	}))
}

// Whatever stands in any field, the bytes on the wire are the commands of one
// transaction and one letter: no bare CR or LF, no line over 998 bytes (RFC
// 5322, 2.1.1), no command and no header that was not meant.
func TestNothingInAnyFieldReachesTheWireAsItsOwn(t *testing.T) {
	pool, w := tapped(t)
	server := smtp.Server{Key: "acme/main/1", Host: "mail.example.com", Port: 25, TLS: smtp.TLSNone}
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string { return hostileText().Draw(t, name) }
		address := func(name, fine string) string {
			if rapid.IntRange(0, 9).Draw(t, name+" hostile") == 0 {
				return text(name)
			}
			return fine
		}
		l := letter.Letter{
			Key: text("key"), Date: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "date"), 0).UTC(),
			From:   letter.Address{Name: text("from name"), Addr: address("from", "main@acme.example")},
			Sender: address("sender", "bounces@acme.example"), ReplyTo: address("reply to", "answers@acme.example"),
			To:      []letter.Address{{Name: text("to name"), Addr: address("to", "ada@example.com")}},
			CC:      []letter.Address{{Name: text("cc name"), Addr: address("cc", "copy@example.com")}},
			BCC:     []letter.Address{{Name: text("bcc name"), Addr: address("bcc", "hidden@example.com")}},
			Subject: text("subject"), Text: text("text"), HTML: text("html"),
		}
		var wrap letter.Wrap
		if rapid.Bool().Draw(t, "file") {
			wrap.Files = []letter.File{{Name: text("file name"), Type: text("file type"), Data: []byte(text("file"))}}
		}
		e, err := letter.Seal(l, wrap)
		if err != nil {
			return // refused before anything was said
		}
		w.take()
		if _, err := pool.Send(context.Background(), server, e); err != nil {
			t.Fatalf("not sent: %v", err)
		}
		judgeWire(t, string(w.take()))
	})
}

// headers are all that a letter may have.
func headers() []string {
	return []string{
		"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-Id", "Auto-Submitted", "X-Auto-Response-Suppress",
		"Mime-Version", "Content-Type", "Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post",
	}
}

func judgeWire(t *rapid.T, sent string) {
	lines := strings.Split(sent, "\r\n")
	for _, line := range lines {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("a line of %d bytes, or with a bare CR, LF or NUL: %q", len(line), line)
		}
		for i := range len(line) {
			if line[i] >= 0x80 {
				t.Fatalf("a line beyond ASCII: %q", line)
			}
		}
	}
	start := slices.Index(lines, "DATA")
	end := slices.Index(lines, ".")
	if start < 0 || end < start {
		t.Fatalf("no letter in %q", sent)
	}
	for _, line := range lines[:start] {
		verb, _, _ := strings.Cut(line, " ")
		if !slices.Contains([]string{"EHLO", "RSET", "NOOP", "MAIL", "RCPT"}, verb) {
			t.Fatalf("a command that was not meant: %q", line)
		}
	}
	if rest := strings.Join(lines[end+1:], ""); rest != "" {
		t.Fatalf("behind the letter came %q", rest)
	}
	m, err := mail.ReadMessage(strings.NewReader(strings.Join(lines[start+1:end], "\r\n") + "\r\n"))
	if err != nil {
		t.Fatalf("unreadable: %v", err)
	}
	for name, values := range m.Header {
		if !slices.Contains(headers(), name) || len(values) != 1 {
			t.Fatalf("header %s: %q", name, values)
		}
	}
	if strings.Contains(strings.Join(lines[start:], ""), "hidden@example.com") {
		t.Fatal("the letter names who gets it in Bcc")
	}
}
