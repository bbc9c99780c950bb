package demo

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/authority"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/shared/secret"
)

// Receivers are the two ends of the demo: an HTTPS receiver and a mail server,
// on this machine, under the names that the demo's owner uses.
type Receivers struct {
	Web  *receiver.Receiver
	Mail *mailcatcher.Catcher
	ca   *authority.Authority
}

// OpenReceivers listens on free loopback ports and notes everything that
// arrives by the two functions.
func OpenReceivers(now func() time.Time, web func(receiver.Received), mail func(mailcatcher.Caught)) (*Receivers, error) {
	ca, err := authority.New(now())
	if err != nil {
		return nil, err
	}
	cert, err := ca.Issue(WebhookHost, BillingRelay+MailDomain, ServiceRelay+MailDomain)
	if err != nil {
		return nil, err
	}
	r := &Receivers{ca: ca}
	if r.Web, err = receiver.Listen(cert, now, web); err != nil {
		return nil, err
	}
	r.Mail, err = mailcatcher.Listen(cert, mail)
	return r, err
}

// Run serves until ctx ends.
func (r *Receivers) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Web.Run(ctx) })
	wg.Go(func() { _ = r.Mail.Run(ctx) })
	wg.Wait()
}

// Roots trusts the receivers' certificate.
func (r *Receivers) Roots() *x509.CertPool { return r.ca.Pool() }

// Environ returns the development settings by which senders reach the
// receivers. The file of the root certificate is written to dir.
func (r *Receivers) Environ(dir string) ([]string, error) {
	root := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(root, r.ca.PEM(), 0o600); err != nil {
		return nil, fmt.Errorf("write root certificate: %w", err)
	}
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	overrides := []string{
		WebhookHost + "=" + r.Web.Address(),
		BillingRelay + MailDomain + "=" + r.Mail.Address(),
		ServiceRelay + MailDomain + "=" + r.Mail.Address(),
	}
	return []string{
		"DEVELOPMENT=true", "HOST_OVERRIDES=" + strings.Join(overrides, ","), "ROOT_CA_FILE=" + root, "SECRET_KEY=" + key.Reveal(),
	}, nil
}

// stage is a running all-in-one with its receivers and a store that goes away
// with it.
type stage struct {
	app   *allinone.App
	ended chan error
	stop  context.CancelFunc
	work  sync.WaitGroup
	dir   string
}

// openStage starts everything and returns when it works.
func openStage(ctx context.Context, r *Receivers, log zerolog.Logger) (_ *stage, err error) {
	s := &stage{ended: make(chan error, 1)}
	if s.dir, err = os.MkdirTemp("", "billhook-demo-"); err != nil {
		return nil, fmt.Errorf("make a temporary store: %w", err)
	}
	ctx, s.stop = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.work.Go(func() { r.Run(ctx) })
	environ, err := r.Environ(s.dir)
	if err != nil {
		return nil, err
	}
	cfg, err := allinone.Load(append(environ, "NATS_ADDR=off", "HTTP_ADDR="+net.JoinHostPort("127.0.0.1", "0"), "SYNC=interval"))
	if err != nil {
		return nil, err
	}
	if s.app, err = allinone.Open(ctx, cfg, allinone.Place{Store: filepath.Join(s.dir, "nats"), Log: log}); err != nil {
		return nil, err
	}
	s.work.Go(func() { s.ended <- s.app.Run(ctx) })
	select {
	case <-s.app.Ready():
		return s, nil
	case err := <-s.ended:
		return nil, fmt.Errorf("start: %w", err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close stops everything and removes the store.
func (s *stage) close() {
	s.stop()
	s.work.Wait()
	if s.app != nil {
		s.app.Close()
	}
	_ = os.RemoveAll(s.dir)
}
