package post

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// Limits bound what one request may take. The values come from the operator.
type Limits struct {
	// Handshake bounds the way to a connection and then the TLS handshake,
	// Headers the wait for the answer's headers behind the request, Total
	// everything, the answer's body included.
	Handshake, Headers, Total time.Duration
}

// The bounds of an answer, in bytes.
const (
	// MaxRead is how much of an answer's body is read before the connection
	// is dropped.
	MaxRead = 64 << 10
	// MaxKept is how much of it is kept for the outcome.
	MaxKept = 4 << 10

	maxHeader  = 64 << 10
	writeSpace = 16 << 10
)

// idle is how long a connection is kept without a request: shorter than the
// patience of the usual servers, so that it is we who hang up. A server that
// hangs up just when we write costs an attempt, since nobody knows then
// whether it read the request.
const idle = 30 * time.Second

// idlePerSlot is how many connections to different hosts may be idle for each
// request that may be under way.
const idlePerSlot = 4

// Settings is what a client is made from.
type Settings struct {
	Limits
	// Connections is the greatest number of requests at a time, and so of
	// idle connections to one host.
	Connections int
	// Roots are trusted instead of the system's roots, where given.
	Roots *x509.CertPool
	// Dial opens connections and refuses the addresses that nobody may reach.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock.
	Now func() time.Time
}

// transport speaks HTTP/1.1 only. Measured at 64 requests at a time, HTTP/2
// over one connection took 5 % more processor time a request; it would put all
// requests of an endpoint behind one window and one lost packet, and gives a
// hostile receiver more to play with. Who speaks HTTP/2 speaks HTTP/1.1 too.
// Nothing is taken from the environment, and answers are not decompressed: a
// small answer must stay small.
func transport(s *Settings) *http.Transport {
	return &http.Transport{
		Proxy:       nil,
		DialContext: s.dial,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: s.Roots,
			ClientSessionCache: tls.NewLRUClientSessionCache(s.Connections),
		},
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		TLSHandshakeTimeout:    s.Handshake,
		ResponseHeaderTimeout:  s.Headers,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		MaxIdleConns:           idlePerSlot * s.Connections,
		MaxIdleConnsPerHost:    s.Connections,
		IdleConnTimeout:        idle,
		WriteBufferSize:        writeSpace,
	}
}

func (s *Settings) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Handshake)
	defer cancel()
	return s.Dial(ctx, network, address)
}
