package mailer_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	gomail "github.com/wneessen/go-mail"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
)

const connections = 4

// BenchmarkBare is go-mail on kept connections, without rendering from a
// template and without any record: what BenchmarkMailer is a ratio of.
func BenchmarkBare(b *testing.B) {
	srv := smtptest.Start(b, smtptest.Script{})
	host, port, err := net.SplitHostPort(srv.Address)
	must(b, err)
	number, err := strconv.Atoi(port)
	must(b, err)
	jobs := make(chan int)
	var work sync.WaitGroup
	for range connections {
		c, err := gomail.NewClient(host, gomail.WithPort(number), gomail.WithSMTPAuth(gomail.SMTPAuthPlain),
			gomail.WithUsername(smtptest.User), gomail.WithPassword(smtptest.Password), gomail.WithoutNoop(),
			gomail.WithTLSConfig(&tls.Config{ServerName: smtptest.Host, RootCAs: srv.Roots, MinVersion: tls.VersionTLS12}))
		must(b, err)
		must(b, c.DialWithContext(context.Background()))
		work.Go(func() {
			for n := range jobs {
				if err := c.Send(bareMail(b, n)); err != nil {
					b.Error(err)
				}
			}
			_ = c.Close()
		})
	}
	b.ResetTimer()
	report := watch(b)
	for n := range b.N {
		jobs <- n
	}
	close(jobs)
	work.Wait()
	report()
}

// watch returns what reports the letters a second since, and the processor time
// of this process for 1,000 of them, the server's included.
func watch(b *testing.B) func() {
	start, cpu := time.Now(), processor(b)
	return func() {
		b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "letters/s")
		b.ReportMetric((processor(b)-cpu).Seconds()/float64(b.N)*1000, "cpu-s/1000")
	}
}

func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func bareMail(b *testing.B, n int) *gomail.Msg {
	m := gomail.NewMsg()
	must(b, m.From("main@acme.example"))
	must(b, m.To("ada@example.com"))
	m.Subject(fmt.Sprint("Invoice INV-", n))
	m.SetBodyString(gomail.TypeTextPlain, strings.Repeat(fmt.Sprint("North & <Wind> owes ", n, "\n"), 20))
	m.AddAlternativeString(gomail.TypeTextHTML, strings.Repeat(fmt.Sprint("<p>North owes <b>", n, "</b></p>\n"), 20))
	return m
}

// BenchmarkMailer is the whole way from DELIVERIES to the acknowledged task, of
// a letter about an account, of an invoice that has no document, and of one
// that has. The broker runs in this process too.
func BenchmarkMailer(b *testing.B) {
	letter := email.Spec{
		ID: "e", Subject: "News of {{Account.Name}}", To: []email.Recipient{{ContactType: "billing"}},
		Text: strings.Repeat("{{Account.Name}} owes what is due\n", 20),
		HTML: strings.Repeat("<p>{{Account.Name}} owes <b>what is due</b></p>\n", 20),
	}
	b.Run("letter", func(b *testing.B) { benchmark(b, letter, ofStatus) })
	b.Run("invoice", func(b *testing.B) { benchmark(b, letter) })
	b.Run("document", func(b *testing.B) {
		letter.Attachments = []email.Attachment{email.Invoice}
		benchmark(b, letter)
	})
}

func benchmark(b *testing.B, spec email.Spec, change ...func(*subscription.Spec)) {
	srv := smtptest.Start(b, smtptest.Script{})
	r := start(b, srv, nil)
	r.durables(b, func(*jetstream.ConsumerConfig) {}) // as in production
	r.putEmail(b, spec, change...)
	c := config(b)
	c.Connections = connections
	i := r.run(b, c, "") // with a first letter, which opens what is kept
	r.happen(b, "e")
	srv.Await(within(b), b, 1)
	i.stop()
	for n := range b.N {
		r.happen(b, "e")
		if len(spec.Attachments) > 0 {
			r.put(b, fmt.Sprint("INV-", n+2), make([]byte, 20<<10))
		}
	}
	b.ResetTimer()
	report := watch(b)
	r.run(b, c, "")
	srv.Await(within(b), b, b.N+1)
	report()
}
