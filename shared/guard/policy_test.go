package guard_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/guard/dnstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listener counts the connections that reach it.
type listener struct {
	net.Listener
	count atomic.Int64
	done  chan struct{}
}

func listen(t *testing.T, address string) *listener {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp4", address)
	if err != nil {
		t.Skipf("this machine has no second loopback address: %v", err)
	}
	l := &listener{Listener: ln, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			l.count.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(l.stop)
	return l
}

// end waits until the listener has counted a connection, and closes it.
func end(conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}

func (l *listener) stop() {
	_ = l.Close()
	<-l.done
}

func (l *listener) addr(t *testing.T) netip.AddrPort {
	t.Helper()
	return netip.MustParseAddrPort(l.Addr().String())
}

// 127.0.0.2, opened by the policy, stands for a public address here; 127.0.0.1
// stands for the operator's own network.
func TestANameThatFlipsItsAnswerReachesNothing(t *testing.T) {
	public := listen(t, "127.0.0.2:0")
	private := listen(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), public.addr(t).Port()).String())
	dns := dnstest.Start(t, dnstest.To("127.0.0.2"), dnstest.To("127.0.0.1"), dnstest.To("169.254.169.254"))
	p := guard.Policy{
		Allow:    []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32"), netip.MustParsePrefix("169.254.0.0/16")},
		Ports:    []uint16{public.addr(t).Port()},
		Resolver: dns.Resolver(),
	}
	_, port, _ := net.SplitHostPort(public.Addr().String())
	var passed, refused int
	for range 30 {
		conn, err := p.DialContext(t.Context(), "tcp", "rebind.example.com:"+port)
		switch {
		case err == nil:
			passed++
			end(conn)
		case errors.Is(err, guard.ErrAddressNotAllowed) && err.Error() == "address not allowed":
			refused++
		default:
			t.Fatal(err)
		}
	}
	public.stop()
	private.stop()
	if passed != 10 || refused != 20 || public.count.Load() != 10 || private.count.Load() != 0 {
		t.Errorf("passed %d, refused %d, reached the public %d times and the private %d times",
			passed, refused, public.count.Load(), private.count.Load())
	}
}

func TestOfSeveralAnswersOnlyThePublicIsReached(t *testing.T) {
	public := listen(t, "127.0.0.2:0")
	private := listen(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), public.addr(t).Port()).String())
	dns := dnstest.Start(t, dnstest.To("127.0.0.1", "10.0.0.1", "127.0.0.2"))
	p := guard.Policy{
		Allow:    []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
		Ports:    []uint16{public.addr(t).Port()},
		Resolver: dns.Resolver(),
	}
	_, port, _ := net.SplitHostPort(public.Addr().String())
	conn, err := p.DialContext(t.Context(), "tcp", "both.example.com:"+port)
	if err != nil {
		t.Fatal(err)
	}
	end(conn)
	public.stop()
	private.stop()
	if public.count.Load() != 1 || private.count.Load() != 0 {
		t.Errorf("public %d, private %d", public.count.Load(), private.count.Load())
	}
}

func TestAddressesAreRefusedWithoutAName(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	p := guard.Policy{Ports: []uint16{l.addr(t).Port()}}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{"127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "localhost"} {
		conn, err := p.DialContext(t.Context(), "tcp", host+":"+port)
		if !errors.Is(err, guard.ErrAddressNotAllowed) || conn != nil {
			t.Errorf("%s: %v", host, err)
		}
		if strings.Contains(err.Error(), "127") || guard.Detail(err) == "" {
			t.Errorf("%s: text %q, detail %q", host, err, guard.Detail(err))
		}
	}
	l.stop()
	if n := l.count.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestOtherNetworksThanTCPAreRefused(t *testing.T) {
	p := guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Ports: []uint16{53}}
	for network, address := range map[string]string{"udp": "127.0.0.1:53", "udp4": "127.0.0.1:53", "unix": "/tmp/x"} {
		if _, err := p.DialContext(t.Context(), network, address); !errors.Is(err, guard.ErrAddressNotAllowed) {
			t.Errorf("%s: %v", network, err)
		}
	}
}

func TestOtherFailuresAreNoRefusals(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var p guard.Policy
	_, err := p.DialContext(ctx, "tcp", "93.184.216.34:443")
	if err == nil || errors.Is(err, guard.ErrAddressNotAllowed) || guard.Detail(err) != "" {
		t.Errorf("cancelled dial: %v, detail %q", err, guard.Detail(err))
	}
}

func TestTLSVerifiesTheNameThatAnOverrideReplaces(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Host))
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is the point
	srv.StartTLS()
	defer srv.Close()
	at := srv.Listener.Addr().String()
	p := guard.Policy{Hosts: map[string]string{"example.com": at, "other.org:443": at}}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext:     p.DialContext,
		TLSClientConfig: &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs},
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://EXAMPLE.com/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_, err = client.Get("https://other.org/")
	var wrongName *tls.CertificateVerificationError
	if !errors.As(err, &wrongName) {
		t.Errorf("a certificate of another name passed: %v", err)
	}
}

func TestAnOverrideIsForItsNameAndPortOnly(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	p := guard.Policy{
		Hosts:    map[string]string{"dev.example.com:443": l.Addr().String()},
		Resolver: dnstest.Start(t, dnstest.To("127.0.0.1")).Resolver(),
	}
	conn, err := p.DialContext(t.Context(), "tcp", "dev.example.com:443")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	for _, address := range []string{"dev.example.com:25", "a.dev.example.com:443", "example.com:443"} {
		if _, err := p.DialContext(t.Context(), "tcp", address); !errors.Is(err, guard.ErrAddressNotAllowed) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOverridesThatLeadNowhereAreRefused(t *testing.T) {
	p := guard.Policy{Hosts: map[string]string{
		"a.example": "127.0.0.1:1", "b.example:25": "[::1]:1", "c.example": "localhost:1", "d.example": "127.0.0.1", "E.example": "127.0.0.1:1",
	}}
	problems := p.Check()
	if len(problems) != 3 || problems[0].Pointer != "/E.example" || problems[1].Pointer != "/c.example" || problems[2].Pointer != "/d.example" {
		t.Errorf("Check = %v", problems)
	}
}
