package smtp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
)

// hostile is a server that answers each command by the script's line for it,
// and commands without one never.
func hostile(t *testing.T, script map[string]string, endless string) (*smtp.Pool, smtp.Server, *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var written atomic.Int64
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer func() { _ = c.Close() }()
				_, _ = io.WriteString(c, "220 ready\r\n")
				for lines := bufio.NewScanner(c); lines.Scan(); {
					verb, _, _ := strings.Cut(lines.Text(), " ")
					for verb == endless {
						n, err := io.WriteString(c, strings.Repeat("250-"+strings.Repeat("x", 500)+"\r\n", 20))
						if written.Add(int64(n)); err != nil {
							return
						}
					}
					_, _ = io.WriteString(c, script[verb])
				}
			})
		}
	})
	pool := smtp.NewPool(smtp.Config{
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		},
		HelloName: "test.example", Connections: 1, IdleTime: time.Minute, Age: time.Hour,
		Timeout: time.Hour, SendTimeout: 500 * time.Millisecond, Now: time.Now,
	})
	t.Cleanup(func() {
		pool.Close()
		_ = l.Close()
		work.Wait()
	})
	return pool, smtp.Server{Key: "acme/main/1", Host: "mail.example.com", Port: 25, TLS: smtp.TLSNone}, &written
}

func TestAServerThatFallsSilentDoesNotHoldItsConnectionForEver(t *testing.T) {
	talk := map[string]string{"EHLO": "250 hello\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n"}
	for name, answer := range map[string][2]string{
		"at QUIT behind a refusal":     {"MAIL", "451 later\r\n"},
		"at RSET behind no recipients": {"RCPT", "550 nobody\r\n"},
		"at DATA":                      {"DATA", ""},
	} {
		t.Run(name, func(t *testing.T) {
			script := map[string]string{}
			for verb, line := range talk {
				script[verb] = line
			}
			script[answer[0]] = answer[1]
			pool, server, _ := hostile(t, script, "")
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = pool.Send(context.Background(), server, envelope("a@example.com"))
			}()
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("the send has not ended after a minute; its limit is 0.5 s")
			}
		})
	}
}

func TestAReplyWithoutEndIsCutOff(t *testing.T) {
	for _, verb := range []string{"EHLO", "RCPT"} {
		t.Run(verb, func(t *testing.T) {
			pool, server, written := hostile(t, map[string]string{"EHLO": "250 hello\r\n", "MAIL": "250 ok\r\n"}, verb)
			if _, err := pool.Send(t.Context(), server, envelope("a@example.com")); err == nil {
				t.Error("taken")
			}
			// What the network holds comes on top of what was read.
			if n := written.Load(); n > 16<<20 {
				t.Errorf("%d MiB of one reply were taken in", n>>20)
			}
		})
	}
}

func TestAServerThatRefusesSTARTTLSIsAFaultOfTheSettingsUnlessForNow(t *testing.T) {
	for answer, class := range map[string]smtp.Class{"502 no": smtp.Settings, "454 later": smtp.Transient} {
		pool, server, _ := hostile(t, map[string]string{"EHLO": "250-hello\r\n250 STARTTLS\r\n", "STARTTLS": answer + "\r\n"}, "")
		server.TLS = smtp.TLSMandatory
		_, err := pool.Send(t.Context(), server, envelope("a@example.com"))
		var f *smtp.Failure
		if !errors.As(err, &f) || f.Class != class || f.Stage != "tls" {
			t.Errorf("%s: got %v", answer, err)
		}
	}
}
