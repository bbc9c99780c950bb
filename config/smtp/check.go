package smtp

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
)

// maxUsername is in characters; SMTP has no limit of its own.
const maxUsername = 256

// Check brings s into its stored form, with its defaults, and returns the
// rules it breaks. Beyond public servers and the ports of mail it allows what
// the operator's policy allows.
func (s *Spec) Check(policy *guard.Policy) fault.Problems {
	s.Port = cmp.Or(s.Port, DefaultPort)
	s.TLS = cmp.Or(s.TLS, Mandatory)
	var r field.Report
	r.ID("/id", s.ID)
	r.Name("/name", s.Name)
	s.checkServer(&r, policy)
	r.Line("/from_name", s.FromName, field.MaxName)
	r.Address("/from_address", s.FromAddress)
	optional(&r, "/reply_to", s.ReplyTo)
	optional(&r, "/envelope_sender", s.EnvelopeSender)
	s.checkLogin(&r)
	r.Join("/limits", s.Limits.check())
	if s.DKIM != nil {
		r.Join("/dkim", s.DKIM.check())
	}
	if !slices.Contains(TLSModes(), s.TLS) {
		r.Add("/tls", "tls.unknown", fault.OneOf(TLSModes()...))
	}
	return r.Problems()
}

func optional(r *field.Report, pointer, v string) {
	if v != "" {
		r.Address(pointer, v)
	}
}

func (s *Spec) checkLogin(r *field.Report) {
	r.Line("/username", s.Username, maxUsername)
	switch {
	case s.Auth != "" && !slices.Contains(Mechanisms(), s.Auth):
		r.Add("/auth", "auth.unknown", "must be one of "+mechanisms())
	case s.Auth != "" && s.Username == "":
		r.Add("/auth", "auth.username", "needs a username")
	}
	if s.Username != "" && s.TLS == None {
		r.Add("/tls", "auth.clear", "credentials are not sent without TLS")
	}
}

func (s *Spec) checkServer(r *field.Report, policy *guard.Policy) {
	if redirected(policy, strings.ToLower(s.Host), s.Port) {
		s.Host = strings.ToLower(s.Host)
		return
	}
	host, problems := guard.CheckSMTP(s.Host, s.Port)
	if len(problems) == 0 {
		s.Host = host
	}
	for _, p := range problems {
		if p.Pointer == "/port" && s.Port > 0 && s.Port < 1<<16 && slices.Contains(policy.Ports, uint16(s.Port)) {
			continue
		}
		if p.Pointer == "/host" && opened(policy, s.Host) {
			continue
		}
		r.Join("", fault.Problems{p})
	}
}

// redirected reports whether the operator has named the server himself.
func redirected(policy *guard.Policy, host string, port int) bool {
	_, any := policy.Hosts[host]
	_, one := policy.Hosts[net.JoinHostPort(host, strconv.Itoa(port))]
	return any || one
}

// opened reports whether host is an IP address in a network that the operator
// has opened.
func opened(policy *guard.Policy, host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && slices.ContainsFunc(policy.Allow, func(p netip.Prefix) bool {
		return p.Contains(addr.Unmap())
	})
}
