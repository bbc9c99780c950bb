package post

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

func TestARequestThatBeginsJustAfterItsCertificateWasReplacedLeavesNoConnection(t *testing.T) {
	closed := make(chan struct{}, 10)
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c := New(Settings{Connections: 1, Now: time.Now, Dial: new(net.Dialer).DialContext, Limits: Limits{Handshake: time.Minute}})
	t.Cleanup(c.Close)
	former := c.identities.take(&Identity{Endpoint: "acme/one", Certificate: &tls.Certificate{Certificate: [][]byte{{1}}}})
	c.identities.give(c.identities.take(&Identity{Endpoint: "acme/one", Certificate: &tls.Certificate{Certificate: [][]byte{{2}}}}))
	former.transport.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := former.transport.RoundTrip(request(t.Context(), Request{URL: u}))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // else it is not used again
	_ = resp.Body.Close()
	c.identities.give(former)
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Error("its connection is kept")
	}
}
