// Package pull asks a pull consumer for exactly as many messages as its owner
// has room for, and says at once when the asking was interrupted. The readers
// of nats.go fetch ahead of their owner, so what waits with them ages unseen
// until it is delivered a second time, and they repair themselves out of
// sight. It refuses to repair anything: the owner knows what it missed.
package pull

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/api"
)

const (
	// expiry is how long a request waits at the server.
	expiry = 30 * time.Second
	// heartbeat is how often the server says that a request still waits; two
	// of them missing means that the consumer is gone or moved.
	heartbeat = 10 * time.Second
	silence   = 2*heartbeat + time.Second
	// maxBytes bounds what one request brings. It must be greater than any
	// message with its subject and headers: one that does not fit is refused
	// for ever, and everything behind it waits.
	maxBytes = 16 << 20
	// lull is how long the last few free places are not asked for while all else
	// is taken: as a rule more are free by then. A request for each message, which
	// the server answers with a message that it is filled, cost as much as the
	// messages themselves.
	lull = 20 * time.Millisecond
)

// Errors that end a puller.
var (
	// ErrSilent: no sign of life from the server.
	ErrSilent = errors.New("no heartbeat from the consumer")
	// ErrGone: the server ended the request for another reason than its age.
	ErrGone = errors.New("consumer is gone or moved")
	// ErrReconnected: the connection was lost and is back. What was on its
	// way is gone, and nothing would tell if it was the last message.
	ErrReconnected = errors.New("connection was lost and restored")
)

// Config says what is pulled by whom. Receive is called from one goroutine.
type Config struct {
	JS               jetstream.JetStream
	Stream, Consumer string
	Receive          func(*nats.Msg)
}

// Puller is one series of requests to a consumer.
type Puller struct {
	cfg    Config
	nc     *nats.Conn
	next   string
	sub    *nats.Subscription
	status chan nats.Status
	closed chan struct{}
	failed chan error

	mu   sync.Mutex
	late *time.Timer // of a lull; nil when there is none
	room int         // free places
	due  int         // places asked for and not yet filled
	size int         // places that were ever free at once
	seen time.Time
}

// Start subscribes. Nothing is asked for until [Puller.Free] says that there
// is room.
func Start(cfg Config) (*Puller, error) {
	nc := cfg.JS.Conn()
	p := &Puller{
		cfg: cfg, nc: nc, next: api.NextMessages(cfg.JS, cfg.Stream, cfg.Consumer),
		status: nc.StatusChanged(nats.CONNECTED), closed: make(chan struct{}), failed: make(chan error, 1),
		seen: time.Now(),
	}
	sub, err := nc.Subscribe(nc.NewInbox(), p.receive)
	if err != nil {
		nc.RemoveStatusListener(p.status)
		return nil, err
	}
	sub.SetClosedHandler(func(string) { close(p.closed) })
	p.sub = sub
	return p, nil
}

// Wait returns why the pulling was interrupted, or nil when ctx ended. It must
// be running for interruptions to be noticed.
func (p *Puller) Wait(ctx context.Context) error {
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-p.failed:
			return err
		case <-p.status:
			return ErrReconnected
		case <-timer.C:
			left := p.silentIn()
			if left <= 0 {
				return ErrSilent
			}
			timer.Reset(left)
		}
	}
}

// silentIn returns how long the server may still be silent.
func (p *Puller) silentIn() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due == 0 {
		// Nothing is asked for, so nothing need come.
		p.seen = time.Now()
	}
	return time.Until(p.seen.Add(silence))
}

// Free says that there is room for n more messages.
func (p *Puller) Free(n int) {
	p.mu.Lock()
	p.room += n
	p.size = max(p.size, p.room)
	p.mu.Unlock()
	p.ask()
}

// ask requests messages for all free places once these are half of all. When
// nothing is asked for, an eighth is enough, and fewer are after a lull.
func (p *Puller) ask() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.room >= max(1, p.size/2):
		p.request()
	case p.room == 0 || p.due > 0:
	case p.room >= max(1, p.size/8):
		p.request()
	case p.late == nil:
		p.late = time.AfterFunc(lull, p.askLate)
	}
}

// askLate requests messages for what few places are free, if nothing is asked for.
func (p *Puller) askLate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = nil
	if p.room > 0 && p.due == 0 {
		p.request()
	}
}

// request asks for all free places. The mutex is held.
func (p *Puller) request() {
	n := p.room
	if p.due == 0 {
		p.seen = time.Now()
	}
	p.room, p.due = 0, p.due+n
	body, err := json.Marshal(request{Expires: expiry, Batch: n, MaxBytes: maxBytes, Heartbeat: heartbeat})
	if err == nil {
		err = p.nc.PublishRequest(p.next, p.sub.Subject, body)
	}
	if err != nil {
		p.fail(err)
	}
}

type request struct {
	Expires   time.Duration `json:"expires"`
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

func (p *Puller) receive(m *nats.Msg) {
	status := ""
	// Publishers choose headers, so a message may look like a status. What is
	// delivered has a reply subject, its place in the stream; a status has none.
	if m.Reply == "" && len(m.Data) == 0 && m.Header != nil {
		status = m.Header.Get(statusHeader)
	}
	if status != "" {
		p.heed(status, m)
		return
	}
	p.mu.Lock()
	p.seen = time.Now()
	p.due--
	last := p.due == 0
	p.mu.Unlock()
	if last {
		p.ask()
	}
	p.cfg.Receive(m)
}

func (p *Puller) fail(err error) {
	select {
	case p.failed <- err:
	default:
	}
}

// Stop ends the requests and drops what has arrived. No Receive is under way
// when it returns.
func (p *Puller) Stop() {
	p.mu.Lock()
	if p.late != nil {
		p.late.Stop() // or else it asks on behalf of nobody, which the server notices
	}
	p.mu.Unlock()
	p.nc.RemoveStatusListener(p.status)
	// It fails when the connection is closed, and with it the subscription.
	_ = p.sub.Unsubscribe()
	<-p.closed
}

// Drain is [Puller.Stop] after Receive was called for what has arrived.
func (p *Puller) Drain() {
	if p.nc.IsConnected() && p.sub.Drain() == nil {
		<-p.closed
	}
	p.Stop()
}
