package guard_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/guard"
)

func judge(p guard.Policy, addr string) error {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		panic(err)
	}
	return p.Judge(netip.AddrPortFrom(a, 443))
}

// The reasons of refusals, as the operator's log has them.
const (
	never    = "never allowed"
	private  = "not public"
	outside  = "outside of the IPv6 Global Unicast range"
	withZone = "with a zone"
)

// specialNetworks are those of the IANA registries for special purposes, the
// metadata addresses of clouds, and what is not assigned. open tells which of
// the two addresses just outside are public.
var specialNetworks = []struct{ name, network, why, open string }{
	{"this network", "0.0.0.0/8", never, "above"},
	{"private use, large", "10.0.0.0/8", private, "both"},
	{"shared by providers", "100.64.0.0/10", "100.64.0.0/10", "both"},
	{"metadata of Alibaba Cloud", "100.100.100.200/32", never, ""},
	{"loopback", "127.0.0.0/8", private, "both"},
	{"metadata of Azure", "168.63.129.16/32", never, "both"},
	{"link-local", "169.254.0.0/16", never, "both"},
	{"metadata of most clouds", "169.254.169.254/32", never, ""},
	{"metadata of containers", "169.254.170.2/32", never, ""},
	{"private use, middle", "172.16.0.0/12", private, "both"},
	{"protocol assignments", "192.0.0.0/24", "192.0.0.0/24", "both"},
	{"service continuity", "192.0.0.0/29", "192.0.0.0/24", "below"},
	{"dummy address", "192.0.0.8/32", "192.0.0.0/24", ""},
	{"port control, anycast", "192.0.0.9/32", "192.0.0.0/24", ""},
	{"relays, anycast", "192.0.0.10/32", "192.0.0.0/24", ""},
	{"discovery of NAT64", "192.0.0.170/31", "192.0.0.0/24", ""},
	{"metadata of Oracle Cloud", "192.0.0.192/32", never, ""},
	{"documentation 1", "192.0.2.0/24", "192.0.2.0/24", "both"},
	{"AS112", "192.31.196.0/24", "192.31.196.0/24", "both"},
	{"multicast tunnels", "192.52.193.0/24", "192.52.193.0/24", "both"},
	{"relays of 6to4", "192.88.99.0/24", "192.88.99.0/24", "both"},
	{"private use, small", "192.168.0.0/16", private, "both"},
	{"AS112, delegated directly", "192.175.48.0/24", "192.175.48.0/24", "both"},
	{"benchmarks", "198.18.0.0/15", "198.18.0.0/15", "both"},
	{"documentation 2", "198.51.100.0/24", "198.51.100.0/24", "both"},
	{"documentation 3", "203.0.113.0/24", "203.0.113.0/24", "both"},
	{"multicast", "224.0.0.0/4", never, "below"},
	{"reserved", "240.0.0.0/4", never, ""},
	{"broadcast", "255.255.255.255/32", never, ""},

	{"IPv6 unspecified", "::/128", never, ""},
	{"IPv6 loopback", "::1/128", private, ""},
	{"IPv4-compatible", "::2/128", never, ""},
	{"IPv4-compatible loopback", "::127.0.0.1/128", never, ""},
	{"IPv4-translated", "::ffff:0:0:0/96", never, ""},
	{"below NAT64", "64:ff9a::/32", outside, ""},
	{"between the two NAT64", "64:ff9b::1:0:0/96", outside, ""},
	{"local NAT64", "64:ff9b:1::/48", never, ""},
	{"discard", "100::/64", outside, ""},
	{"dummy prefix", "100:0:0:1::/64", outside, ""},
	{"unassigned below 2000::/3", "1000::/4", outside, "above"},
	{"protocol assignments of IPv6", "2001::/23", "", "both"},
	{"Teredo", "2001::/32", never, "below"},
	{"port control, anycast, of IPv6", "2001:1::1/128", "2001::/23", ""},
	{"relays, anycast, of IPv6", "2001:1::2/128", "2001::/23", ""},
	{"benchmarks of IPv6", "2001:2::/48", "2001::/23", ""},
	{"multicast tunnels of IPv6", "2001:3::/32", "2001::/23", ""},
	{"AS112 of IPv6", "2001:4:112::/48", "2001::/23", ""},
	{"ORCHID, deprecated", "2001:10::/28", "2001::/23", ""},
	{"ORCHID 2", "2001:20::/28", "2001::/23", ""},
	{"drone remote id", "2001:30::/28", "2001::/23", ""},
	{"documentation of IPv6", "2001:db8::/32", "2001:db8::/32", "both"},
	{"6to4", "2002::/16", never, "both"},
	{"6to4 of a private address", "2002:a00::/24", never, ""},
	{"AS112, delegated directly, of IPv6", "2620:4f:8000::/48", "2620:4f:8000::/48", "both"},
	{"documentation of IPv6, new", "3fff::/20", "3fff::/20", "both"},
	{"unassigned above 2000::/3", "4000::/3", outside, "below"},
	{"segment routing", "5f00::/16", outside, ""},
	{"unique local, not assigned", "fc00::/8", private, ""},
	{"unique local", "fd00::/16", private, ""},
	{"metadata of Oracle Cloud in IPv6", "fd00:c1::/32", never, ""},
	{"metadata of AWS in IPv6", "fd00:ec2::/32", never, ""},
	{"metadata of Google Cloud in IPv6", "fd20:ce::/32", never, ""},
	{"between unique local and link-local", "fe00::/9", outside, ""},
	{"link-local in IPv6", "fe80::/10", never, ""},
	{"site-local", "fec0::/10", never, ""},
	{"multicast in IPv6", "ff00::/8", never, ""},
}

func TestSpecialNetworksAreRefusedFromTheirFirstToTheirLastAddressAndNoFurther(t *testing.T) {
	for _, row := range specialNetworks {
		t.Run(row.name, func(t *testing.T) {
			network := netip.MustParsePrefix(row.network)
			first, last := network.Addr(), lastOf(network)
			for _, a := range []netip.Addr{first, last} {
				judged(t, a, row.why)
			}
			neighbours := map[string]netip.Addr{"below": first.Prev(), "above": last.Next()}
			for side, a := range neighbours {
				if !a.IsValid() {
					continue // nothing lies beyond the first and the last of all
				}
				public := row.open == side || row.open == "both"
				if err := judge(guard.Policy{}, a.String()); public != (err == nil) {
					t.Errorf("%s, just %s %s: %v, %s", a, side, network, err, guard.Detail(err))
				}
			}
		})
	}
}

// judged holds that an address, and an IPv4 address in each of its forms, is
// refused for a reason that only the operator learns.
func judged(t *testing.T, a netip.Addr, why string) {
	t.Helper()
	forms := []netip.Addr{a}
	if a.Is4() {
		forms = append(forms, netip.AddrFrom16(a.As16()), inNAT64(a))
	}
	for _, form := range forms {
		err := judge(guard.Policy{}, form.String())
		if !errors.Is(err, guard.ErrAddressNotAllowed) || err.Error() != "address not allowed" {
			t.Errorf("%s: %v", form, err)
		}
		if d := guard.Detail(err); !strings.Contains(d, form.String()) || !strings.Contains(d, why) {
			t.Errorf("%s is refused for %q, not %q", form, d, why)
		}
	}
}

// lastOf returns the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// inNAT64 returns the IPv6 address that NAT64 translates to an IPv4 address.
func inNAT64(v4 netip.Addr) netip.Addr {
	b, inner := netip.MustParseAddr("64:ff9b::").As16(), v4.As4()
	copy(b[12:], inner[:])
	return netip.AddrFrom16(b)
}

func TestAddressesWithAZoneAreRefused(t *testing.T) {
	for _, addr := range []string{"fe80::1%lo", "::1%lo", "2606:4700::1%eth0", "::ffff:8.8.8.8%eth0", "64:ff9b::8.8.8.8%eth0"} {
		judged(t, netip.MustParseAddr(addr), withZone)
	}
}

func TestPublicAddressesAreAllowed(t *testing.T) {
	for _, addr := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
		"192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111",
		"2003::1", "2a00::1", "3ffe::1", "168.63.129.17", "2000::", "2001:470::5efe:10.0.0.1", "2606:4700::127.0.0.1",
		"2620:4f:7fff::1", "::ffff:11.0.0.1", "64:ff9b::172.32.0.1",
	} {
		if err := judge(guard.Policy{}, addr); err != nil {
			t.Errorf("%s: %s", addr, guard.Detail(err))
		}
	}
}

func TestAnOperatorOpensNetworksButNeverSomeAddresses(t *testing.T) {
	open := guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	for _, addr := range []string{
		"10.0.0.1", "127.0.0.1", "::1", "192.168.0.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1",
		"64:ff9b::10.0.0.1", "8.8.8.8", "2606:4700::1",
	} {
		if err := judge(open, addr); err != nil {
			t.Errorf("%s: %s", addr, guard.Detail(err))
		}
	}
	for _, addr := range []string{
		"169.254.169.254", "169.254.0.1", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192",
		"0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "::127.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::169.254.169.254", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001::1", "fd00:ec2::254",
		"fd20:ce::254", "fd00:c1::a9fe:a9fe", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
	} {
		if err := judge(open, addr); !errors.Is(err, guard.ErrAddressNotAllowed) {
			t.Errorf("%s was opened", addr)
		}
	}
}

func TestAnExceptionOpensItsNetworkOnly(t *testing.T) {
	p := guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	if err := judge(p, "10.1.2.3"); err != nil {
		t.Errorf("inside: %s", guard.Detail(err))
	}
	for _, addr := range []string{"10.2.0.1", "127.0.0.1", "192.168.0.1", "::1"} {
		if judge(p, addr) == nil {
			t.Errorf("%s was opened", addr)
		}
	}
}

func TestOnlyThePortsOfAPolicyAreAllowed(t *testing.T) {
	addr := netip.MustParseAddr("93.184.216.34")
	web, mail := guard.Policy{}, guard.Policy{Ports: guard.MailPorts()}
	for port, want := range map[uint16][2]bool{443: {true, false}, 25: {false, true}, 465: {false, true},
		587: {false, true}, 2525: {false, true}, 80: {}, 22: {}, 0: {}, 8443: {}} {
		got := [2]bool{
			web.Judge(netip.AddrPortFrom(addr, port)) == nil,
			mail.Judge(netip.AddrPortFrom(addr, port)) == nil,
		}
		if got != want {
			t.Errorf("port %d: web and mail %v, want %v", port, got, want)
		}
	}
}

func TestHowAnIPv4AddressIsWrittenChangesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := [4]byte{}
		for i := range b {
			b[i] = rapid.Byte().Draw(r, "byte")
		}
		v4 := netip.AddrFrom4(b)
		var p guard.Policy
		want := p.Judge(netip.AddrPortFrom(v4, 443)) == nil
		for _, a := range []netip.Addr{netip.AddrFrom16(v4.As16()), inNAT64(v4)} {
			if got := p.Judge(netip.AddrPortFrom(a, 443)) == nil; got != want {
				r.Fatalf("%s allowed: %v, %s allowed: %v", v4, want, a, got)
			}
		}
		if want && (v4.IsPrivate() || v4.IsLoopback() || !v4.IsGlobalUnicast()) {
			r.Fatalf("%s is allowed", v4)
		}
	})
}
