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

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	for _, row := range []struct{ name, addr string }{
		{"unspecified", "0.0.0.0"},
		{"this network", "0.1.2.3"},
		{"private 10/8, first", "10.0.0.0"},
		{"private 10/8, last", "10.255.255.255"},
		{"shared 100.64/10, first", "100.64.0.0"},
		{"shared 100.64/10, last", "100.127.255.255"},
		{"loopback", "127.0.0.1"},
		{"loopback, last", "127.255.255.255"},
		{"link-local", "169.254.0.1"},
		{"metadata", "169.254.169.254"},
		{"private 172.16/12, first", "172.16.0.0"},
		{"private 172.16/12, last", "172.31.255.255"},
		{"protocol assignments", "192.0.0.8"},
		{"documentation 1", "192.0.2.1"},
		{"documentation 2", "198.51.100.1"},
		{"documentation 3", "203.0.113.1"},
		{"AS112", "192.31.196.1"},
		{"AMT", "192.52.193.1"},
		{"6to4 relay", "192.88.99.1"},
		{"private 192.168/16", "192.168.1.1"},
		{"direct delegation AS112", "192.175.48.1"},
		{"benchmarking, first", "198.18.0.0"},
		{"benchmarking, last", "198.19.255.255"},
		{"multicast", "224.0.0.1"},
		{"reserved", "240.0.0.1"},
		{"broadcast", "255.255.255.255"},
		{"metadata of Azure", "168.63.129.16"},
		{"IPv6 unspecified", "::"},
		{"IPv6 loopback", "::1"},
		{"mapped loopback", "::ffff:127.0.0.1"},
		{"mapped private", "::ffff:10.0.0.1"},
		{"mapped metadata", "::ffff:169.254.169.254"},
		{"compatible loopback", "::127.0.0.1"},
		{"translated loopback", "::ffff:0:127.0.0.1"},
		{"NAT64 loopback", "64:ff9b::7f00:1"},
		{"NAT64 private", "64:ff9b::10.0.0.1"},
		{"NAT64 metadata", "64:ff9b::169.254.169.254"},
		{"NAT64 shared", "64:ff9b::100.64.0.1"},
		{"local NAT64", "64:ff9b:1::8.8.8.8"},
		{"discard", "100::1"},
		{"unassigned below 2000::/3", "1fff::1"},
		{"unassigned above 2000::/3", "4000::1"},
		{"Teredo", "2001::1"},
		{"benchmarking", "2001:2::1"},
		{"ORCHID", "2001:20::1"},
		{"documentation", "2001:db8::1"},
		{"6to4 loopback", "2002:7f00:1::1"},
		{"6to4 public", "2002:808:808::1"},
		{"AS112 in IPv6", "2620:4f:8000::1"},
		{"documentation, new", "3fff::1"},
		{"documentation, new, last", "3fff:fff:ffff::1"},
		{"segment routing", "5f00::1"},
		{"unique local fc", "fc00::1"},
		{"unique local fd", "fd12:3456::1"},
		{"metadata of AWS", "fd00:ec2::254"},
		{"link-local in IPv6", "fe80::1"},
		{"link-local with a zone", "fe80::1%lo"},
		{"site-local", "fec0::1"},
		{"multicast in IPv6", "ff02::1"},
		{"public with a zone", "2606:4700::1%eth0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := judge(guard.Policy{}, row.addr)
			if !errors.Is(err, guard.ErrAddressNotAllowed) {
				t.Fatalf("%s: %v", row.addr, err)
			}
			if err.Error() != "address not allowed" || !strings.Contains(guard.Detail(err), netip.MustParseAddr(row.addr).String()) {
				t.Errorf("text %q, detail %q", err, guard.Detail(err))
			}
		})
	}
}

func TestPublicAddressesAreAllowed(t *testing.T) {
	for _, addr := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
		"192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111",
		"2003::1", "2a00::1", "3ffe::1", "168.63.129.17",
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
		nat64 := netip.MustParseAddr("64:ff9b::").As16()
		copy(nat64[12:], b[:])
		var p guard.Policy
		want := p.Judge(netip.AddrPortFrom(v4, 443)) == nil
		for _, a := range []netip.Addr{netip.AddrFrom16(v4.As16()), netip.AddrFrom16(nat64)} {
			if got := p.Judge(netip.AddrPortFrom(a, 443)) == nil; got != want {
				r.Fatalf("%s allowed: %v, %s allowed: %v", v4, want, a, got)
			}
		}
		if want && (v4.IsPrivate() || v4.IsLoopback() || !v4.IsGlobalUnicast()) {
			r.Fatalf("%s is allowed", v4)
		}
	})
}
