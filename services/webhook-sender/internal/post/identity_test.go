package post_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/endpoint/identitytest"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/secret"
)

// gate is a receiver that asks for a client certificate and notes who came
// through which connection.
type gate struct {
	mu sync.Mutex
	// names are the certificates' names by the remote address.
	names map[string]string
	last  string
	// opened counts connections.
	opened atomic.Int32
	// shut has an element for each that was closed.
	shut chan struct{}
}

func openGate(t *testing.T, change ...func(*httptest.Server)) (*post.Client, *gate) {
	t.Helper()
	g := &gate{names: map[string]string{}, shut: make(chan struct{}, 4096)}
	c, _ := serve(t, g, append(change, func(s *httptest.Server) {
		if s.TLS == nil {
			s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
		}
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				g.opened.Add(1)
			case http.StateClosed:
				g.shut <- struct{}{}
			}
		}
	})...)
	return c, g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := "nobody"
	if len(r.TLS.PeerCertificates) > 0 {
		name = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = name
	if former, ok := g.names[r.RemoteAddr]; ok && former != name {
		w.WriteHeader(http.StatusConflict)
		return
	}
	g.names[r.RemoteAddr] = name
}

// as posts for an endpoint and returns who the receiver saw.
func (g *gate) as(t *testing.T, c *post.Client, id *post.Identity) string {
	t.Helper()
	if a := c.Post(t.Context(), proving(post.Proof{Identity: id})); a.Reason != "" {
		t.Fatalf("%+v", a)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// awaitShut waits until a connection is closed, for less than it would be kept
// idle.
func (g *gate) awaitShut(t *testing.T) {
	t.Helper()
	select {
	case <-g.shut:
	case <-time.After(20 * time.Second):
		t.Fatal("no connection is closed")
	}
}

func identity(t *testing.T, at, name string) *post.Identity {
	t.Helper()
	made := identitytest.New(t, name)
	s := endpoint.Spec{ClientCertificate: made.Certificate}
	c, err := s.Identity(secret.NewText(made.Key))
	if err != nil {
		t.Fatal(err)
	}
	return &post.Identity{Endpoint: at, Certificate: c}
}

func TestEachEndpointShowsItsCertificateOnConnectionsOfItsOwn(t *testing.T) {
	c, g := openGate(t)
	one, two := identity(t, "acme/one", "one"), identity(t, "acme/two", "two")
	for range 20 {
		for _, row := range []struct {
			id   *post.Identity
			want string
		}{{one, "one"}, {two, "two"}, {nil, "nobody"}} {
			if got := g.as(t, c, row.id); got != row.want {
				t.Fatalf("the receiver saw %s, want %s", got, row.want)
			}
		}
	}
	if n := g.opened.Load(); n != 3 {
		t.Errorf("%d connections for 3 times 20 requests one after another", n)
	}
}

func TestAReplacedCertificateIsShownFromTheNextRequestOnAndTheFormerConnectionsAreClosed(t *testing.T) {
	c, g := openGate(t)
	if got := g.as(t, c, identity(t, "acme/one", "former")); got != "former" {
		t.Fatalf("the receiver saw %s", got)
	}
	next := identity(t, "acme/one", "next")
	if got := g.as(t, c, next); got != "next" {
		t.Errorf("the receiver saw %s", got)
	}
	g.awaitShut(t)
	// Read again, as after any other change of the endpoint, it is the same.
	again := *next.Certificate
	g.as(t, c, &post.Identity{Endpoint: next.Endpoint, Certificate: &again})
	if n := g.opened.Load(); n != 2 {
		t.Errorf("%d connections for two certificates", n)
	}
}

func TestARequestUnderWayEndsWithTheCertificateThatItBeganWith(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	var g *gate
	var c *post.Client
	c, g = openGate(t, func(s *httptest.Server) {
		inner := s.Config.Handler
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			held := false
			first.Do(func() { held = true })
			if held {
				close(began)
				<-goOn
			}
			inner.ServeHTTP(w, r)
		})
	})
	var work sync.WaitGroup
	former := identity(t, "acme/one", "former")
	var a post.Answer
	work.Go(func() { a = c.Post(t.Context(), proving(post.Proof{Identity: former})) })
	<-began
	g.as(t, c, identity(t, "acme/one", "next"))
	close(goOn)
	work.Wait()
	if a.Reason != "" {
		t.Errorf("%+v", a)
	}
	g.awaitShut(t) // its connection is not kept
}

func TestCertificatesOfEndpointsThatAreStillTakeNoRoomForEver(t *testing.T) {
	c, g := openGate(t)
	made := identity(t, "", "one")
	const endpoints, most = 1100, 1024
	for i := range endpoints {
		g.as(t, c, &post.Identity{Endpoint: fmt.Sprint("acme/", i), Certificate: made.Certificate})
	}
	for range endpoints - most {
		g.awaitShut(t)
	}
}

func TestAReceiverThatWantsACertificateAndGetsNoneIsNamedAsTheReason(t *testing.T) {
	c, _ := openGate(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
	})
	a := c.Post(t.Context(), request("/"))
	if a.Reason != post.TLS || !strings.Contains(a.Detail, "client certificate, or that there is none") {
		t.Errorf("%+v", a)
	}
}
