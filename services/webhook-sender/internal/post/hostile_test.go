package post_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/billhook/billhook/services/webhook-sender/internal/hostile"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/guard/dnstest"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// maxTaken bounds what a request may allocate in all, with the receiver in the
// same process: 1.2 MB at most were measured, twice that with the race detector.
const maxTaken = 4 << 20

func TestHostileReceiversEndInTimeAndBoundedWithAReasonAndLeaveNothing(t *testing.T) {
	authority := hostile.NewAuthority(t)
	for _, r := range hostile.Receivers(t, authority, host) {
		t.Run(r.Name, func(t *testing.T) {
			before, others := sockets(t), goleak.IgnoreCurrent()
			srv := hostile.Listen(t, r.Talk)
			limits := settings(authority.Roots(), reach(srv.Addr()))
			if r.Reason != post.Timeout {
				limits.Limits = patient()
			}
			cl := post.New(limits)
			start, taken := time.Now(), allocated()
			a := cl.Post(t.Context(), request("/"))
			taken = allocated() - taken
			if a.Reason != r.Reason && (r.Or == "" || a.Reason != r.Or) || !strings.Contains(a.Detail, r.Detail) {
				t.Errorf("got %q, %q, want %q, %q", a.Reason, a.Detail, r.Reason, r.Detail)
			}
			if took := time.Since(start); took > patient().Total {
				t.Errorf("took %s", took)
			}
			if taken > maxTaken || len(a.Body) > 3*post.MaxKept {
				t.Errorf("took %d bytes of memory and kept %d", taken, len(a.Body))
			}
			t.Logf("%d kB of memory", taken/1000)
			if strings.Contains(a.Detail, "127.0.0.1") {
				t.Errorf("shows an address: %s", a.Detail)
			}
			cl.Close()
			srv.Close() // returns only when every connection is over
			goleak.VerifyNone(t, others)
			if n := srv.Came(); n != 1 {
				t.Errorf("%d connections for one request", n)
			}
			if after := sockets(t); after != before {
				t.Errorf("%d sockets before, %d after", before, after)
			}
		})
	}
}

// patient are limits that only a receiver which never ends comes to, also on a
// busy machine.
func patient() post.Limits {
	return post.Limits{Handshake: 20 * time.Second, Headers: 20 * time.Second, Total: 40 * time.Second}
}

// allocated is how many bytes the process has allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// sockets counts those that the process has open.
func sockets(t *testing.T) (n int) {
	t.Helper()
	const fds = "/proc/self/fd"
	all, err := os.ReadDir(fds)
	if err != nil {
		t.Skipf("this system does not list open files: %v", err)
	}
	for _, e := range all {
		if to, err := os.Readlink(fds + "/" + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

func TestAStopDuringAHandshakeThatStallsLeavesNothing(t *testing.T) {
	before, others := sockets(t), goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	srv := hostile.Listen(t, func(c *net.TCPConn) {
		_, _ = io.ReadFull(c, make([]byte, 1)) // the handshake has begun
		cancel()
		_, _ = io.Copy(io.Discard, c)
	})
	s := settings(nil, reach(srv.Addr()))
	s.Handshake, s.Total = time.Hour, time.Hour
	cl := post.New(s)
	if a := cl.Post(ctx, request("/")); a.Reason != post.Cancelled {
		t.Errorf("%+v", a)
	}
	cl.Close()
	srv.Close()
	goleak.VerifyNone(t, others)
	if after := sockets(t); after != before {
		t.Errorf("%d sockets before, %d after", before, after)
	}
}

func TestNameServersThatFailAreNamed(t *testing.T) {
	for _, row := range []struct {
		name           string
		answer         dnstest.Answer
		reason, detail string
	}{
		{"NXDOMAIN", dnstest.Answer{Code: dnsmessage.RCodeNameError}, post.DNS, "does not exist"},
		{"no address", dnstest.Answer{}, post.DNS, "does not exist"},
		{"SERVFAIL", dnstest.Answer{Code: dnsmessage.RCodeServerFailure}, post.DNS, "could not be resolved"},
		{"REFUSED", dnstest.Answer{Code: dnsmessage.RCodeRefused}, post.DNS, "could not be resolved"},
		{"silence", dnstest.Answer{Silent: true}, post.DNS, "in time"},
		{"an address inside", dnstest.To("10.0.0.1"), post.AddressNotAllowed, "address not allowed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := &guard.Policy{Resolver: dnstest.Start(t, row.answer).Resolver()}
			start := time.Now()
			limits := settings(nil, p)
			if !row.answer.Silent {
				limits.Limits = patient()
			}
			a := client(t, limits).Post(t.Context(), request("/"))
			if a.Reason != row.reason || !strings.Contains(a.Detail, row.detail) {
				t.Errorf("%+v, want %s", a, row.reason)
			}
			if took := time.Since(start); took > patient().Total {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestWhereNobodyListensTheReasonSaysSo(t *testing.T) {
	srv := hostile.Listen(t, func(*net.TCPConn) {})
	srv.Close()
	if a := client(t, settings(nil, reach(srv.Addr()))).Post(t.Context(), request("/")); a.Reason != post.Refused {
		t.Errorf("nobody listens: %+v", a)
	}
	s := settings(nil, &guard.Policy{})
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	}
	if a := client(t, s).Post(t.Context(), request("/")); a.Reason != post.DNS {
		t.Errorf("no name: %+v", a)
	}
}
