package broker

import (
	"context"
	"crypto/subtle"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/permission"
)

// lookEvery is how often connections are asked for their credentials again. It
// is less than the 5 s within which a revoked API key must stop working.
const lookEvery = 2 * time.Second

// door lets connections in, those of this process by its token, others as the
// authenticator says, and shows those out whose credentials are good no more.
type door struct {
	auth  Authenticator
	token string

	mu        sync.Mutex
	guests    map[uint64]guest // by connection id
	outsiders *server.Account  // nil until open
}

// guest is a connection from outside.
type guest struct {
	user     string
	password secret.Text
}

// open makes the account of outsiders. The server must run: with accounts of
// its own before that, it would have no JetStream in the global one.
func (d *door) open(s *server.Server) error {
	outsiders, err := s.RegisterAccount(permission.Publishers)
	if err != nil {
		return err
	}
	for _, r := range permission.ForPublishers() {
		if err := s.GlobalAccount().AddServiceExport(r.Subject, []*server.Account{outsiders}); err != nil {
			return err
		}
		if err := outsiders.AddServiceImport(s.GlobalAccount(), r.As, r.Subject); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outsiders = outsiders
	return nil
}

// Check implements server.Authentication.
func (d *door) Check(c server.ClientAuthentication) bool {
	opts := c.GetOpts()
	if opts.Token != "" {
		if subtle.ConstantTimeCompare([]byte(opts.Token), []byte(d.token)) != 1 {
			return false
		}
		c.RegisterUser(&server.User{Username: "process"})
		return true
	}
	if d.auth == nil {
		return false
	}
	allowed, ok := d.auth(opts.Username, opts.Password)
	if !ok {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	user := &server.User{Username: opts.Username, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: allowed.Publish},
		Subscribe: &server.SubjectPermission{Allow: allowed.Subscribe},
	}}
	if allowed.Outsider {
		if user.Account = d.outsiders; user.Account == nil {
			return false
		}
	}
	c.RegisterUser(user)
	d.guests[c.GetID()] = guest{user: opts.Username, password: secret.NewText(opts.Password)}
	return true
}

// watch looks at the guests until ctx ends.
func (d *door) watch(ctx context.Context, s *server.Server) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.look(s)
		case <-ctx.Done():
			return
		}
	}
}

// look ends the connections whose credentials are good no more, and forgets
// those that have ended.
func (d *door) look(s *server.Server) {
	d.mu.Lock()
	guests := maps.Clone(d.guests)
	d.mu.Unlock()
	for id, g := range guests {
		if s.GetClient(id) != nil {
			if _, ok := d.auth(g.user, g.password.Reveal()); ok {
				continue
			}
			_ = s.DisconnectClientByID(id) // it fails when the client was faster
		}
		d.mu.Lock()
		delete(d.guests, id)
		d.mu.Unlock()
	}
}
