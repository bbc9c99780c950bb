package guard

import (
	"net/netip"
	"slices"

	"code.dny.dev/ssrf"
)

// never are the networks that no operator's exception opens: nothing a tenant
// may steer has business there, and some give out the machine's credentials.
var never = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),          // this host
	netip.MustParsePrefix("169.254.0.0/16"),     // link-local, most metadata services
	netip.MustParsePrefix("168.63.129.16/32"),   // metadata of Azure, a public address
	netip.MustParsePrefix("100.100.100.200/32"), // metadata of Alibaba Cloud
	netip.MustParsePrefix("192.0.0.192/32"),     // metadata of Oracle Cloud
	netip.MustParsePrefix("224.0.0.0/4"),        // multicast
	netip.MustParsePrefix("240.0.0.0/4"),        // reserved, broadcast
	netip.MustParsePrefix("::/96"),              // unspecified, and IPv4 inside IPv6 (deprecated); see loopback
	netip.MustParsePrefix("::ffff:0:0:0/96"),    // IPv4 translated (RFC 2765)
	netip.MustParsePrefix("64:ff9b:1::/48"),     // NAT64 whose inner address stands anywhere
	netip.MustParsePrefix("2001::/32"),          // Teredo: an IPv4 address inside
	netip.MustParsePrefix("2002::/16"),          // 6to4: an IPv4 address inside
	netip.MustParsePrefix("fd00:ec2::/32"),      // metadata of AWS
	netip.MustParsePrefix("fd20:ce::/32"),       // metadata of Google Cloud
	netip.MustParsePrefix("fd00:c1::/32"),       // metadata of Oracle Cloud
	netip.MustParsePrefix("fe80::/10"),          // link-local
	netip.MustParsePrefix("fec0::/10"),          // site-local (deprecated)
	netip.MustParsePrefix("ff00::/8"),           // multicast
}

var (
	nat64 = netip.MustParsePrefix("64:ff9b::/96")

	// special knows the special networks; ports are judged here.
	special = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAnyNetwork())
)

// judge returns why a must not be connected to, "" when it may. Allowed
// networks are an operator's exceptions.
func judge(a netip.Addr, allowed []netip.Prefix) string {
	switch {
	case !a.IsValid():
		return "no valid address"
	case a.Zone() != "":
		return "address with a zone"
	}
	a = inner(a)
	switch {
	case a != netip.IPv6Loopback() && within(a, never):
		return "address that is never allowed"
	case within(a, allowed):
		return ""
	case !a.IsGlobalUnicast() || a.IsPrivate():
		return "address that is not public"
	}
	if err := special.SafeAddr(a); err != nil {
		return err.Error()
	}
	return ""
}

// inner returns the IPv4 address that an IPv6 address stands for, if it does:
// that is where the connection would end.
func inner(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !nat64.Contains(a) {
		return a
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}
