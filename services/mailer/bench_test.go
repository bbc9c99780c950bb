package mailer_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/billhook/billhook/config/email"
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
	start := time.Now()
	for n := range b.N {
		jobs <- n
	}
	close(jobs)
	work.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "letters/s")
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

// BenchmarkMailer is the whole way from DELIVERIES to the acknowledged task.
func BenchmarkMailer(b *testing.B) {
	srv := smtptest.Start(b, smtptest.Script{})
	r := start(b, srv, nil)
	r.putEmail(b, email.Spec{
		ID: "e", Subject: "Invoice {{Invoice.Id}}", To: []email.Recipient{{ContactType: "billing"}},
		Text: strings.Repeat("{{Account.Name}} owes {{Invoice.Total}}\n", 20),
		HTML: strings.Repeat("<p>{{Account.Name}} owes <b>{{Invoice.Total}}</b></p>\n", 20),
	})
	c := config(b)
	c.Connections = connections
	for range b.N {
		r.happen(b, "e")
	}
	b.ResetTimer()
	start := time.Now()
	r.run(b, c, "")
	srv.Await(within(b), b, b.N)
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "letters/s")
}
