package cursor_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/cursor"
)

// muted is a way to the server that can be made to swallow what the server
// says, and to break.
type muted struct {
	mute atomic.Bool
	mu   sync.Mutex
	conn net.Conn
}

func (m *muted) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.conn = c
	m.mu.Unlock()
	return &mutedConn{c, m}, nil
}

// cut breaks the connection; the next one works.
func (m *muted) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.conn.Close()
	m.mute.Store(false)
}

type mutedConn struct {
	net.Conn
	m *muted
}

func (c *mutedConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.m.mute.Load() {
			return n, err
		}
	}
}

func TestTheLastMessageIsNotLostWithAConnection(t *testing.T) {
	r := newRig(t)
	way := &muted{}
	r.startOn(r.srv.Conn(t, nats.SetCustomDialer(way)), handler{}, func(c *cursor.Config) { c.BatchMax = 1 })
	r.publish("src.a", "1")
	r.expectWritten([]string{"1"})
	// The server sends it and takes it for delivered, but it never arrives,
	// and nothing follows that would show that it is missing.
	way.mute.Store(true)
	r.publish("src.a", "2")
	r.eventually("the server has sent it", func() bool { return r.delivered() == 2 })
	way.cut()
	r.expectWritten([]string{"1", "2"})
}

// delivered returns the last sequence that the server has sent to a cursor.
func (r *rig) delivered() uint64 {
	r.t.Helper()
	str, err := r.js.Stream(r.ctx(), source)
	r.must(err)
	var last uint64
	consumers := str.ListConsumers(r.ctx())
	for c := range consumers.Info() {
		last = max(last, c.Delivered.Stream)
	}
	r.must(consumers.Err())
	return last
}
