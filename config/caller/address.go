package caller

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// remote is the address that a request comes from: the peer, or where a
// believed proxy says that it comes from. It is not valid where the request
// names none, as no server's does.
func (d *Desk) remote(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !d.believed(address) {
			break
		}
		address = before
	}
	return address.Unmap().WithZone("")
}

func (d *Desk) believed(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(d.settings.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// guesser is who guesses at an address. An IPv6 client is a /64, within which
// it may take any address.
func guesser(a netip.Addr) string {
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return network.String()
		}
	}
	return a.String()
}
