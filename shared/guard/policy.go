package guard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/billhook/billhook/shared/fault"
)

// Policy says where connections may lead that a tenant can steer. All of it is
// the operator's. The zero Policy allows the public internet on port 443. It
// must not be changed once used; then many goroutines may use it at once.
type Policy struct {
	// Allow holds networks that are open although they are not public.
	// Link-local and metadata addresses stay closed whatever stands here.
	Allow []netip.Prefix
	// Hosts redirects host names ("name" or "name:port", in ASCII and lower
	// case) to an address and port, for development. The override is dialled
	// unjudged; TLS goes on verifying the name that was asked for.
	Hosts map[string]string
	// Ports holds the ports that may be dialled; empty means [WebPorts].
	Ports []uint16
	// Resolver resolves names; nil is the system's.
	Resolver *net.Resolver
	// Connecting is told of every address that is allowed, right before the
	// connection to it, and refuses it by an error; nil asks nobody. It is for
	// rules of the operator's own, and for counting.
	Connecting func(to netip.AddrPort) error
}

// DialContext connects to address, "host:port", over TCP, within ctx. It has
// the form that [net/http.Transport] takes. The address that a name resolves
// to is judged on the socket, after resolving and before connecting, so a name
// that changes its answer gains nothing. A refusal is [ErrAddressNotAllowed].
func (p *Policy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Resolver: p.Resolver}
	if to, ok := p.override(address); ok {
		return d.DialContext(ctx, network, to)
	}
	d.ControlContext = p.control
	conn, err := d.DialContext(ctx, network, address)
	if refused := new(denied); errors.As(err, &refused) {
		return nil, refused // without the address that net puts around it
	}
	return conn, err
}

// Judge returns [ErrAddressNotAllowed] where the policy does not allow to
// connect to addr.
func (p *Policy) Judge(addr netip.AddrPort) error {
	if ports := p.ports(); !slices.Contains(ports, addr.Port()) {
		return &denied{fmt.Sprintf("%s: port is not one of %v", addr, ports)}
	}
	if why := judge(addr.Addr(), p.Allow); why != "" {
		return &denied{fmt.Sprintf("%s: %s", addr, why)}
	}
	return nil
}

// Check refuses overrides that lead to no address and port.
func (p *Policy) Check() fault.Problems {
	var problems fault.Problems
	for _, name := range slices.Sorted(maps.Keys(p.Hosts)) {
		if _, err := netip.ParseAddrPort(p.Hosts[name]); err != nil || name != strings.ToLower(name) {
			problems = append(problems, fault.Problem{
				Pointer: fault.Pointer(name),
				Rule:    "guard.override",
				Detail:  "must map a host name in lower case to an address and port, such as 127.0.0.1:8443",
			})
		}
	}
	return problems
}

func (p *Policy) ports() []uint16 {
	if len(p.Ports) == 0 {
		return WebPorts()
	}
	return p.Ports
}

func (p *Policy) override(address string) (to string, ok bool) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || len(p.Hosts) == 0 {
		return "", false
	}
	if to, ok = p.Hosts[strings.ToLower(address)]; ok {
		return to, true
	}
	to, ok = p.Hosts[strings.ToLower(host)]
	return to, ok
}

// control runs on every socket before it connects.
func (p *Policy) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return &denied{network + " " + address + ": network is not TCP"}
	}
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return &denied{address + ": cannot be read"}
	}
	if err := p.Judge(addr); err != nil || p.Connecting == nil {
		return err
	}
	if err := p.Connecting(addr); err != nil {
		return &denied{fmt.Sprintf("%s: %s", addr, err)}
	}
	return nil
}
