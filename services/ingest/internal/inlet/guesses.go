package inlet

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How many wrong keys an address may present: some at once, then one every few
// seconds.
const (
	guessBurst = 10
	guessPace  = 6 * time.Second
	// maxAddresses bounds the memory of this. When as many addresses have
	// guessed, the older half of them is forgotten.
	maxAddresses = 8192
)

// guesses counts wrong keys by address.
type guesses struct {
	mu          sync.Mutex
	young, aged map[string]*rate.Limiter
}

func newGuesses() *guesses { return &guesses{young: map[string]*rate.Limiter{}} }

// wait returns for how long the address must not try again.
func (g *guesses) wait(address string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.of(address)
	if l == nil || l.TokensAt(now) >= 1 {
		return 0
	}
	return time.Duration((1 - l.TokensAt(now)) * float64(guessPace))
}

// add counts a wrong key.
func (g *guesses) add(address string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.of(address)
	if l == nil {
		l = rate.NewLimiter(rate.Every(guessPace), guessBurst)
		if len(g.young) >= maxAddresses/2 {
			g.young, g.aged = map[string]*rate.Limiter{}, g.young
		}
		g.young[address] = l
	}
	l.AllowN(now, 1)
}

func (g *guesses) of(address string) *rate.Limiter {
	if l := g.young[address]; l != nil {
		return l
	}
	return g.aged[address]
}

// remote names the network address that a request comes from: the peer, or
// where a believed proxy says that it comes from. An IPv6 client is a /64,
// within which it may take any address.
func (in *Inlet) remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !in.believed(address) {
			break
		}
		address = before
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}

func (in *Inlet) believed(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(in.deps.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}
