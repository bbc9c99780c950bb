package smtp_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/secret"
)

// bench is a running server and a pool that reaches it.
type bench struct {
	*smtptest.Server
	pool   *smtp.Pool
	server smtp.Server
	clock  *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func setup(t *testing.T, s smtptest.Script) *bench {
	t.Helper()
	srv := smtptest.Start(t, s)
	c := &clock{now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	pool := smtp.NewPool(smtp.Config{
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, srv.Address)
		},
		RootCAs: srv.Roots, HelloName: "billhook.test", Connections: 2,
		IdleTime: time.Minute, Age: 10 * time.Minute, Timeout: 10 * time.Second, SendTimeout: 10 * time.Second, Hold: time.Minute, Now: c.Now,
	})
	t.Cleanup(pool.Close)
	return &bench{Server: srv, pool: pool, clock: c, server: smtp.Server{
		Key: "acme.main.1", Host: smtptest.Host, Port: 25, Username: smtptest.User,
		Password: secret.NewText(smtptest.Password), TLS: smtp.TLSMandatory,
	}}
}
