package smtp

import (
	"errors"
	"net"
)

// What is read of a server in bytes: to open a connection, TLS included, and
// for each step of a transaction. The servers are tenants' choice, and the
// client keeps every line of a reply until its last one.
const (
	readToOpen = 256 << 10
	readToSend = 64 << 10
	readToRcpt = 4 << 10
)

// errTooMuch ends a connection whose server says more than SMTP has to say.
var errTooMuch = errors.New("the server's replies are too long")

// bounded is a connection that gives so much to read and then fails. It is
// used by one goroutine at a time, but for Close.
type bounded struct {
	net.Conn
	left int
}

// allow lets n more bytes be read, from now on.
func (c *bounded) allow(n int) { c.left = n }

// Read implements net.Conn.
func (c *bounded) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
