package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/guard/dnstest"
)

var errRecorded = errors.New("recorded")

// recorder notes which addresses would have been connected to, and lets none
// be: tests have no business on the internet.
type recorder struct {
	mu sync.Mutex
	to []string
}

func (r *recorder) connecting(to netip.AddrPort) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = append(r.to, to.Addr().String())
	return errRecorded
}

// reached returns the addresses, each once.
func (r *recorder) reached() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.to)
	return slices.Compact(r.to)
}

// many are n addresses of a network.
func many(n int, first string) []string {
	var out []string
	for a := netip.MustParseAddr(first); len(out) < n; a = a.Next() {
		out = append(out, a.String())
	}
	return out
}

// What a name server can answer, with the addresses that are connected to.
var answers = []struct {
	name    string
	answers []dnstest.Answer
	reached []string
}{
	{"public", []dnstest.Answer{dnstest.To("93.184.216.34")}, []string{"93.184.216.34"}},
	{"public, then loopback, then metadata", []dnstest.Answer{
		dnstest.To("93.184.216.34"), dnstest.To("127.0.0.1"), dnstest.To("169.254.169.254"),
	}, []string{"93.184.216.34"}},
	{"private, then public", []dnstest.Answer{dnstest.To("10.0.0.1"), dnstest.To("93.184.216.34")}, []string{"93.184.216.34"}},
	{"public and private at once", []dnstest.Answer{dnstest.To("10.0.0.1", "93.184.216.34", "192.168.1.1")}, []string{"93.184.216.34"}},
	{"loopback in IPv4, public in IPv6", []dnstest.Answer{dnstest.To("127.0.0.1", "2606:4700::1111")}, []string{"2606:4700::1111"}},
	{"public in IPv4, unique local in IPv6", []dnstest.Answer{dnstest.To("93.184.216.34", "fd12::1")}, []string{"93.184.216.34"}},
	{"each special kind at once", []dnstest.Answer{dnstest.To(
		"0.0.0.0", "10.1.1.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.192", "192.168.0.1",
		"198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
	)}, nil},
	{"private, mapped into IPv6", []dnstest.Answer{dnstest.To("::ffff:10.0.0.1", "::ffff:169.254.169.254")}, nil},
	{"public, mapped into IPv6", []dnstest.Answer{dnstest.To("::ffff:93.184.216.34")}, []string{"93.184.216.34"}},
	{"private by NAT64", []dnstest.Answer{dnstest.To("64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1")}, nil},
	{"public by NAT64", []dnstest.Answer{dnstest.To("64:ff9b::8.8.8.8")}, []string{"64:ff9b::808:808"}},
	{"private by 6to4 and Teredo", []dnstest.Answer{dnstest.To("2002:a00:1::1", "2001::1")}, nil},
	{"1,000 private ones and a public one", []dnstest.Answer{dnstest.To(append(many(1000, "10.0.0.0"), "93.184.216.34")...)}, []string{"93.184.216.34"}},
	{"no address", []dnstest.Answer{dnstest.To()}, nil},
	{"NXDOMAIN", []dnstest.Answer{{Code: dnsmessage.RCodeNameError}}, nil},
	{"SERVFAIL", []dnstest.Answer{{Code: dnsmessage.RCodeServerFailure}}, nil},
	{"REFUSED", []dnstest.Answer{{Code: dnsmessage.RCodeRefused}}, nil},
	{"silence", []dnstest.Answer{{Silent: true}}, nil},
}

func TestWhateverNameServersAnswerOnlyPublicAddressesAreConnectedTo(t *testing.T) {
	for use, ports := range map[string][]uint16{"web": guard.WebPorts(), "mail": guard.MailPorts()} {
		for _, row := range answers {
			t.Run(use+"/"+row.name, func(t *testing.T) {
				dns, rec := dnstest.Start(t, row.answers...), &recorder{}
				p := guard.Policy{Ports: ports, Resolver: dns.Resolver(), Connecting: rec.connecting}
				limit := time.Minute
				if row.answers[0].Silent {
					limit = 300 * time.Millisecond
				}
				for range 2 * len(row.answers) {
					dial(t, &p, limit)
				}
				if got := rec.reached(); !slices.Equal(got, withFamilies(t, row.reached)) {
					t.Errorf("connected to %v, want %v", got, row.reached)
				}
				if dns.Asked() == 0 {
					t.Error("no question was asked")
				}
			})
		}
	}
}

// dial holds that there is no connection, that a refusal shows nothing, and
// that a silent name server is given up in time.
func dial(t *testing.T, p *guard.Policy, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := p.DialContext(ctx, "tcp", fmt.Sprintf("hooks.example.com:%d", p.Ports[0]))
	var dns *net.DNSError
	if conn != nil || err == nil {
		t.Fatalf("connected: %v", err)
	}
	if !errors.As(err, &dns) && err.Error() != "address not allowed" {
		t.Errorf("refused as %q", err)
	}
}

// withFamilies leaves out IPv6 addresses where this machine cannot even open a
// socket for them.
func withFamilies(t *testing.T, addrs []string) []string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp6", "[::1]:0")
	if err == nil {
		_ = l.Close()
		return addrs
	}
	return slices.DeleteFunc(slices.Clone(addrs), func(a string) bool { return netip.MustParseAddr(a).Is6() })
}
