package smtp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
)

// patient is a server that says nothing until so many commands lie before it, or
// DATA does.
type patient struct {
	offers string
	ahead  int
	// rcpt and data are its replies.
	rcpt, data string

	mu sync.Mutex
	// most is how many commands lay before it at once, letters what it took.
	most    int
	letters []string
}

func (p *patient) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(c, 64<<10)
	say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
	say("220 ready")
	for waiting := []string(nil); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "EHLO":
			say("250-hello\r\n250 " + p.offers)
			continue
		case "RSET", "QUIT":
			say("250 fine")
			continue
		}
		waiting = append(waiting, verb)
		more, _ := r.Peek(r.Buffered())
		p.see(len(waiting) + bytes.Count(more, []byte("\n")))
		if len(waiting) < p.ahead && verb != "DATA" {
			continue
		}
		for _, verb := range waiting {
			switch verb {
			case "MAIL":
				say("250 fine")
			case "RCPT":
				say(p.rcpt)
			case "DATA":
				say(p.data)
			}
		}
		waiting = nil
		if verb == "DATA" && strings.HasPrefix(p.data, "354") {
			p.take(r, say)
		}
	}
}

func (p *patient) see(waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = max(p.most, waiting)
}

func (p *patient) take(r *bufio.Reader, say func(string)) {
	var letter strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if line == ".\r\n" {
			break
		}
		letter.WriteString(line)
	}
	p.mu.Lock()
	p.letters = append(p.letters, letter.String())
	p.mu.Unlock()
	say("250 taken")
}

// pool sends to the server.
func (p *patient) pool(t *testing.T) (*smtp.Pool, smtp.Server) {
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
			work.Go(func() { p.serve(c) })
		}
	})
	pool := smtp.NewPool(smtp.Config{
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		},
		HelloName: "test.example", Connections: 1, IdleTime: time.Hour, Age: time.Hour,
		Timeout: time.Minute, SendTimeout: time.Minute, Now: time.Now,
	})
	t.Cleanup(func() {
		pool.Close()
		_ = l.Close()
		work.Wait()
	})
	return pool, smtp.Server{Key: "acme/main/1", Host: "mail.example.com", Port: 25, TLS: smtp.TLSNone}
}

func crowd(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("a%d@example.com", i)
	}
	return out
}

func TestCommandsGoTogetherWhereTheServerTakesThat(t *testing.T) {
	for _, c := range []struct {
		name       string
		offers     string
		ahead      int
		recipients int
		most       int
	}{
		{"all before a reply", "PIPELINING", 1000, 3, 5},
		{"of many a part", "PIPELINING", 100, 350, 100},
		{"one by one", "8BITMIME", 1, 3, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &patient{offers: c.offers, ahead: c.ahead, rcpt: "250 fine", data: "354 go on"}
			pool, server := p.pool(t)
			for range 2 {
				replies, err := pool.Send(t.Context(), server, envelope(crowd(c.recipients)...))
				if err != nil || len(replies) != c.recipients {
					t.Fatalf("%d replies, %v", len(replies), err)
				}
			}
			if len(p.letters) != 2 || p.most != c.most {
				t.Errorf("%d letters, up to %d commands before a reply, want 2 and %d", len(p.letters), p.most, c.most)
			}
		})
	}
}

// A server may ask for the letter before it has refused all who would get it.
func TestALetterForNobodyIsNotSent(t *testing.T) {
	for name, p := range map[string]*patient{
		"begun":             {offers: "PIPELINING", ahead: 1000, rcpt: "550 nobody", data: "354 go on"},
		"refused":           {offers: "PIPELINING", ahead: 1000, rcpt: "550 nobody", data: "503 no recipients"},
		"one after another": {offers: "8BITMIME", ahead: 1, rcpt: "550 nobody", data: "354 go on"},
	} {
		t.Run(name, func(t *testing.T) {
			pool, server := p.pool(t)
			for range 2 {
				replies, err := pool.Send(t.Context(), server, envelope("a@example.com", "b@example.com"))
				if err != nil || len(replies) != 2 || replies[1].Code != 550 {
					t.Fatalf("%+v, %v", replies, err)
				}
			}
			if got := strings.Join(p.letters, ""); got != "" || name == "one after another" && len(p.letters) > 0 {
				t.Errorf("the server got %d letters: %q", len(p.letters), got)
			}
		})
	}
}

func TestAnAddressWithALineEndIsNotSaid(t *testing.T) {
	p := &patient{offers: "PIPELINING", ahead: 1000, rcpt: "250 fine", data: "354 go on"}
	pool, server := p.pool(t)
	if _, err := pool.Send(t.Context(), server, envelope("a@example.com>\r\nRCPT TO:<b@example.com")); err == nil || p.most > 0 {
		t.Errorf("said: %v", err)
	}
}
