package webhooksender_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/services/webhook-sender/internal/hostile"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/guard/dnstest"
)

// at makes an endpoint whose webhooks are tried so often at another host.
func at(name string, tries int) func(*endpoint.Spec, *subscription.Spec) {
	return func(e *endpoint.Spec, _ *subscription.Spec) {
		e.URL, e.Retry = "https://"+name+"/", make(backoff.Schedule, tries)
		for i := 1; i < tries; i++ {
			e.Retry[i] = time.Millisecond
		}
	}
}

func TestEveryHostileReceiverIsRecordedWithItsReasonAndLeavesNoConnection(t *testing.T) {
	r := newRig(t)
	authority := hostile.NewAuthority(t)
	policy := &guard.Policy{Hosts: map[string]string{}}
	want, servers := map[string]hostile.Receiver{}, map[string]*hostile.Server{}
	for i, one := range hostile.Receivers(t, authority, "*."+host) {
		id := fmt.Sprintf("h%d", i)
		name := id + "." + host
		servers[id] = hostile.Listen(t, one.Talk)
		want[id], policy.Hosts[name] = one, servers[id].Addr().String()
		r.endpoint(id, at(name, 1))
	}
	cfg := hasty(config())
	i := r.run(cfg, func(_ *instance, d *webhooksender.Deps) { d.Policy, d.Roots = policy, authority.Roots() })
	r.send(1, slices.Sorted(maps.Keys(want))...)
	for _, o := range r.finals(len(want)) {
		one := want[o.Delivery.Subscription]
		result := delivery.Parked
		if one.Reason == "" {
			result = delivery.Delivered
		}
		if o.Result != result || o.Reason != one.Reason && (one.Or == "" || o.Reason != one.Or) || !strings.Contains(o.Detail, one.Detail) {
			t.Errorf("%s: %s, %q, %q", one.Name, o.Result, o.Reason, o.Detail)
		}
		if o.Duration > 2*cfg.Timeout {
			t.Errorf("%s took %s", one.Name, o.Duration)
		}
		if strings.Contains(o.Detail+o.Response, "127.0.0.1") {
			t.Errorf("%s shows an address: %s", one.Name, o.Detail)
		}
	}
	i.end()
	for id, s := range servers {
		s.Close() // returns only when every connection is over
		if n := s.Came(); n != 1 {
			t.Errorf("%s: %d connections for one request", want[id].Name, n)
		}
	}
}

// recorder notes where requests would have been connected to, and lets none
// be: tests have no business on the internet.
type recorder struct {
	mu sync.Mutex
	to map[string]int
}

func (c *recorder) connecting(to netip.AddrPort) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to[to.String()]++
	return fmt.Errorf("%s is only counted", to)
}

func TestWhateverNameServersAnswerNothingIsConnectedToThatIsNotPublic(t *testing.T) {
	for name, c := range map[string]struct {
		answers []dnstest.Answer
		// reasons are those of the attempts, reached the address that is
		// connected to.
		reasons []string
		reached string
	}{
		"flips from public to private": {[]dnstest.Answer{dnstest.To("93.184.216.34"), dnstest.To("10.0.0.1"), dnstest.To("169.254.169.254")},
			[]string{"address_not_allowed", "address_not_allowed", "address_not_allowed"}, "93.184.216.34:443"},
		"public and private at once": {[]dnstest.Answer{dnstest.To("127.0.0.1", "93.184.216.34", "169.254.169.254")},
			[]string{"address_not_allowed"}, "93.184.216.34:443"},
		"mapped, translated and tunnelled": {[]dnstest.Answer{dnstest.To("::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::1", "fd00:ec2::254")},
			[]string{"address_not_allowed"}, ""},
		"many": {[]dnstest.Answer{dnstest.To(slices.Repeat([]string{"10.0.0.1", "172.16.0.1", "::1"}, 300)...)},
			[]string{"address_not_allowed"}, ""},
		"NXDOMAIN": {[]dnstest.Answer{{Code: dnsmessage.RCodeNameError}}, []string{"dns", "dns"}, ""},
		"SERVFAIL": {[]dnstest.Answer{{Code: dnsmessage.RCodeServerFailure}}, []string{"dns"}, ""},
		"silence":  {[]dnstest.Answer{{Silent: true}}, []string{"dns"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.endpoint("a", at("rebind.example.com", len(c.reasons)))
			counted := &recorder{to: map[string]int{}}
			dns := dnstest.Start(t, c.answers...)
			i := r.run(hasty(config()), func(_ *instance, d *webhooksender.Deps) {
				d.Policy = &guard.Policy{Resolver: dns.Resolver(), Connecting: counted.connecting}
			})
			r.send(1, "a")
			var reasons []string
			for _, o := range r.finals(1) {
				reasons = append(reasons, o.Reason)
			}
			i.end()
			if !slices.Equal(reasons, c.reasons) {
				t.Errorf("reasons %v, want %v", reasons, c.reasons)
			}
			if c.reached != "" && counted.to[c.reached] == 0 {
				t.Errorf("never connected to %s", c.reached)
			}
			delete(counted.to, c.reached)
			if len(counted.to) > 0 {
				t.Errorf("connected to %v", counted.to)
			}
		})
	}
}

func TestARedirectToMetadataIsNeitherResolvedNorConnectedTo(t *testing.T) {
	targets := []string{
		"http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://metadata.google.internal/",
		"//127.0.0.1/", "https://rebind.example.com/", "gopher://127.0.0.1:6379/_", "/elsewhere",
	}
	r := newRig(t)
	r.endpoint("a", at(host, 1))
	r.receiver.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", targets[n-1])
		w.WriteHeader([]int{301, 302, 303, 307, 308}[n%5])
	})
	counted := &recorder{to: map[string]int{}}
	dns := dnstest.Start(t, dnstest.To("93.184.216.34"))
	r.run(config(), func(_ *instance, d *webhooksender.Deps) {
		d.Policy.Resolver, d.Policy.Connecting = dns.Resolver(), counted.connecting
	})
	r.send(len(targets), "a")
	for _, o := range r.finals(len(targets)) {
		if o.Reason != "redirect" {
			t.Errorf("outcome %+v", o)
		}
	}
	if n := len(r.receiver.requests()); n != len(targets) || dns.Asked() != 0 || len(counted.to) != 0 {
		t.Errorf("%d requests, %d questions, connections to %v", n, dns.Asked(), counted.to)
	}
}
