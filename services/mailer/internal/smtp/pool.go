// Package smtp sends letters over kept connections, a bounded number per SMTP
// settings, and says for each recipient what the server answered.
package smtp

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/billhook/billhook/services/mailer/internal/letter"
)

// Config is how connections are made and kept.
type Config struct {
	// Dial reaches the server; it is the SSRF guard's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs verifies certificates; nil is the system's.
	RootCAs *x509.CertPool
	// HelloName is what EHLO says.
	HelloName string
	// Connections is the greatest number of connections per server; its
	// settings may have fewer.
	Connections int
	// IdleTime and Age bound how long a connection is kept unused and at all.
	IdleTime, Age time.Duration
	// Timeout bounds opening a connection, SendTimeout each transaction.
	Timeout, SendTimeout time.Duration
	// Hold is how long settings at fault are not tried again.
	Hold time.Duration
	// Now is the clock.
	Now func() time.Time

	// step hears of each step of opening a connection; nil hears nothing.
	step func(name, detail string)
}

// told tells whoever listens of a step that worked.
func (c Config) told(name, detail string) {
	if c.step != nil {
		c.step(name, detail)
	}
}

// Pool keeps connections per server. What is kept too long is closed by Trim,
// the rest by Close.
type Pool struct {
	cfg   Config
	holds holds

	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is one server's connections: slots bounds the reservations, idle holds
// the connections kept.
type lane struct {
	slots chan struct{}
	idle  []*session
	// pace bounds the rate of letters; nil where there is no such limit.
	pace *rate.Limiter
	// users counts the reservations, those waited for, and the sends. A lane
	// without users and connections is forgotten: settings that changed have
	// another key.
	users int
}

// NewPool returns an empty pool.
func NewPool(cfg Config) *Pool {
	return &Pool{cfg: cfg, lanes: map[string]*lane{}}
}

// Reserve waits until one of a server's connections is to be had, and returns
// the function that gives it back. Whoever sends holds a reservation, and keeps
// it until what became of the letter is on record: so a crash leaves open no
// more letters than there are connections. The error is that of ctx.
func (p *Pool) Reserve(ctx context.Context, srv Server) (func(), error) {
	l := p.enter(srv)
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		p.leave(srv, l)
		return nil, ctx.Err()
	}
	done := func() {
		<-l.slots
		p.leave(srv, l)
	}
	if err := p.await(ctx, l); err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// await waits until the settings' rate allows another letter.
func (p *Pool) await(ctx context.Context, l *lane) error {
	if l.pace == nil {
		return ctx.Err()
	}
	now := p.cfg.Now()
	turn := l.pace.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		turn.CancelAt(p.cfg.Now())
		return ctx.Err()
	}
}

// Send delivers e through srv and returns the reply for every recipient. An
// error is a [*Failure]: nobody got the letter, or, when it is Ambiguous,
// nobody knows. A kept connection that turns out dead before the letter is on
// its way is replaced without the caller noticing. While the settings are held
// (see [Pool.Held]) the failure is the one that they are held for.
func (p *Pool) Send(ctx context.Context, srv Server, e letter.Envelope) ([]Reply, error) {
	if h, ok := p.holds.get(srv.Key, p.cfg.Now()); ok {
		return nil, &h.failure
	}
	l := p.enter(srv)
	defer p.leave(srv, l)
	replies, err := p.try(ctx, srv, l, e)
	p.holds.note(srv.Key, err, p.cfg.Now(), p.cfg.Hold)
	return replies, err
}

// try sends over a kept connection, or else over a new one.
func (p *Pool) try(ctx context.Context, srv Server, l *lane, e letter.Envelope) ([]Reply, error) {
	for {
		s, kept, err := p.session(ctx, srv, l)
		if err != nil {
			return nil, err
		}
		replies, err := p.transact(ctx, s, e)
		if err == nil && !s.broken {
			p.keep(l, s)
			return replies, nil
		}
		s.close()
		if err == nil {
			return replies, nil
		}
		var f *Failure
		if kept && errors.As(err, &f) && f.Code == 0 && f.Stage == "mail" && ctx.Err() == nil {
			continue // the server had closed the kept connection
		}
		return replies, err
	}
}

// transact sends within the timeout.
func (p *Pool) transact(ctx context.Context, s *session, e letter.Envelope) ([]Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.SendTimeout)
	defer cancel()
	return s.send(ctx, e)
}

// enter returns the server's lane with one more user.
func (p *Pool) enter(srv Server) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.lanes[srv.Key]
	if !ok {
		l = &lane{slots: make(chan struct{}, p.Connections(srv))}
		if srv.PerSecond > 0 {
			l.pace = rate.NewLimiter(rate.Limit(srv.PerSecond), 1)
		}
		p.lanes[srv.Key] = l
	}
	l.users++
	return l
}

// Connections is the greatest number of connections to a server.
func (p *Pool) Connections(srv Server) int {
	if srv.Connections > 0 {
		return min(srv.Connections, p.cfg.Connections)
	}
	return p.cfg.Connections
}

func (p *Pool) leave(srv Server, l *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.users--
	p.forget(srv.Key, l)
}

func (p *Pool) forget(key string, l *lane) {
	// What is forgotten may send at once when it comes again.
	rested := l.pace == nil || l.pace.TokensAt(p.cfg.Now()) >= 1
	if l.users == 0 && len(l.idle) == 0 && rested {
		delete(p.lanes, key)
	}
}

// session takes the most recently used kept connection, or opens one.
func (p *Pool) session(ctx context.Context, srv Server, l *lane) (*session, bool, error) {
	for {
		s := p.takeIdle(l)
		if s == nil {
			break
		}
		if now := p.cfg.Now(); now.Sub(s.used) < p.cfg.IdleTime && now.Sub(s.made) < p.cfg.Age {
			return s, true, nil
		}
		s.close()
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	s, err := open(ctx, p.cfg, srv)
	return s, false, err
}

func (p *Pool) takeIdle(l *lane) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(l.idle) == 0 {
		return nil
	}
	s := l.idle[len(l.idle)-1]
	l.idle = l.idle[:len(l.idle)-1]
	return s
}

func (p *Pool) keep(l *lane, s *session) {
	s.used = p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	l.idle = append(l.idle, s)
}

// Trim closes the connections that were idle or alive for too long; the
// service calls it now and then.
func (p *Pool) Trim() {
	now := p.cfg.Now()
	closeAll(p.take(func(s *session) bool {
		return now.Sub(s.used) >= p.cfg.IdleTime || now.Sub(s.made) >= p.cfg.Age
	}))
}

// Close closes every kept connection. Sends under way finish by their context.
func (p *Pool) Close() {
	closeAll(p.take(func(*session) bool { return true }))
}

// take removes the idle sessions that match, so that closing them (which
// speaks to the server) happens outside the lock.
func (p *Pool) take(match func(*session) bool) []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*session
	for key, l := range p.lanes {
		var stay []*session
		for _, s := range l.idle {
			if match(s) {
				out = append(out, s)
			} else {
				stay = append(stay, s)
			}
		}
		l.idle = stay
		p.forget(key, l)
	}
	return out
}
