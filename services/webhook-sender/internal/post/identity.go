package post

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Identity is a client certificate.
type Identity struct {
	// Endpoint names the endpoint among all of all owners.
	Endpoint    string
	Certificate *tls.Certificate
}

const (
	// maxIdentities is how many endpoints with a client certificate keep their
	// connections.
	maxIdentities = 1024
	// idlePerIdentity is how many idle connections each of them keeps at most.
	idlePerIdentity = 32
)

// identities are the transports of requests that show a client certificate. A
// connection proves who made it, so each endpoint has its own; they are closed
// when its certificate changes, and when they were idle for long.
type identities struct {
	settings *Settings

	mu   sync.Mutex
	kept map[string]*shown
}

// shown is the transport of one certificate.
type shown struct {
	transport   *http.Transport
	certificate *tls.Certificate
	// requests are under way; last is when the last one ended.
	requests int
	last     time.Time
	// retired says that no request begins any more.
	retired bool
}

// take returns the transport of an identity. It has to be given back.
func (k *identities) take(id *Identity) *shown {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.kept[id.Endpoint]
	if ok && !same(s.certificate, id.Certificate) {
		k.retire(id.Endpoint)
		ok = false
	}
	if !ok {
		k.makeRoom()
		s = &shown{transport: identified(k.settings, id.Certificate), certificate: id.Certificate}
		k.kept[id.Endpoint] = s
	}
	s.requests++
	return s
}

func (k *identities) give(s *shown) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.requests--
	s.last = k.settings.Now()
	if s.retired && s.requests == 0 {
		s.transport.CloseIdleConnections()
	}
}

// retire closes what is idle; what is under way is closed with its last
// request.
func (k *identities) retire(endpoint string) {
	s := k.kept[endpoint]
	delete(k.kept, endpoint)
	s.retired = true
	s.transport.CloseIdleConnections()
}

// makeRoom retires what has no connection any more, and where that is not
// enough what has been idle for longest.
func (k *identities) makeRoom() {
	longest := ""
	for endpoint, s := range k.kept {
		switch {
		case s.requests > 0:
		case k.settings.Now().Sub(s.last) > idle:
			k.retire(endpoint)
		case longest == "" || s.last.Before(k.kept[longest].last):
			longest = endpoint
		}
	}
	if len(k.kept) >= maxIdentities && longest != "" {
		k.retire(longest)
	}
}

// close closes every connection; no request may be under way.
func (k *identities) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for endpoint := range k.kept {
		k.retire(endpoint)
	}
}

// same compares what is shown; who has another key has another certificate.
func same(a, b *tls.Certificate) bool {
	return a == b || slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
}

// identified is a transport that shows a certificate whatever authorities the
// receiver names: it is the receiver who judges.
func identified(s *Settings, c *tls.Certificate) *http.Transport {
	t := transport(s)
	t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c, nil }
	t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	t.MaxIdleConns, t.MaxIdleConnsPerHost = idlePerIdentity, idlePerIdentity
	return t
}
