package kit

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
)

// Settings are what every service shares beyond its own configuration. They
// are the operator's; no owner can reach them.
type Settings struct {
	SecretKey      secret.Text       `env:"SECRET_KEY" doc:"keys that seal stored secrets, base64 of 32 bytes each, the newest first, with commas between; the file is read again when there is a newer key, so that it changes without a restart"`
	SecretKeyFile  string            `env:"SECRET_KEY_FILE" doc:"path of a file with SECRET_KEY"`
	AllowNetworks  []string          `env:"ALLOW_NETWORKS" unit:"CIDR" doc:"private networks that webhooks and mail may reach, with commas between; empty: public addresses only"`
	RootCAFile     string            `env:"ROOT_CA_FILE" doc:"path of a PEM file with the only authorities that receivers' certificates are verified by; empty: the system's"`
	Development    bool              `env:"DEVELOPMENT" envDefault:"false" doc:"allows HOST_OVERRIDES; never set it where real events flow"`
	Proxies        []netip.Prefix    `env:"TRUSTED_PROXIES" envDefault:"127.0.0.0/8,::1/128" unit:"CIDR" doc:"networks of proxies whose X-Forwarded-For is believed, with commas between; wrong keys are counted by the address behind them"`
	NoticeInterval time.Duration     `env:"NOTICE_INTERVAL" envDefault:"10m" unit:"duration" doc:"how often at most an owner hears, by an operational event, of the same thing that goes wrong; no longer than DEDUP_WINDOW, or several instances each tell of it"`
	HostOverrides  map[string]string `env:"HOST_OVERRIDES" envKeyValSeparator:"=" doc:"host name = address and port to reach it at, with commas between; needs DEVELOPMENT"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (s *Settings) Check() fault.Problems {
	_, badKeys := s.Keys()
	if s.SecretKey.Empty() {
		badKeys = nil
	}
	_, badNetworks := s.networks()
	_, badRoots := s.roots()
	return slices.Concat(
		process.RefuseFor(badKeys, "SECRET_KEY"),
		process.RefuseIf(len(s.HostOverrides) > 0 && !s.Development, "HOST_OVERRIDES",
			"sends traffic to other machines than it names: it needs DEVELOPMENT=true, which production never has"),
		process.RefuseFor((&guard.Policy{Hosts: s.HostOverrides}).Check().Or(), "HOST_OVERRIDES"),
		process.RefuseFor(badNetworks, "ALLOW_NETWORKS"),
		process.RefuseFor(badRoots, "ROOT_CA_FILE"),
		process.Positive("NOTICE_INTERVAL", s.NoticeInterval),
	)
}

// Keys returns the keys that seal secrets as they are now, the newest first.
func (s *Settings) Keys() ([]secret.Key, error) {
	text := s.SecretKey
	if s.SecretKeyFile != "" {
		var err error
		if text, err = process.SecretFile(s.SecretKeyFile); err != nil {
			return nil, fault.New(fault.NotFound, "read setting", "SECRET_KEY_FILE", err)
		}
	}
	return secret.LoadKeys(secret.Source{Value: text})
}

// WebPolicy returns where webhooks may go, MailPolicy where mail may.
func (s *Settings) WebPolicy() (*guard.Policy, error) { return s.policy(guard.WebPorts()) }

// MailPolicy returns where mail may go.
func (s *Settings) MailPolicy() (*guard.Policy, error) { return s.policy(guard.MailPorts()) }

func (s *Settings) policy(ports []uint16) (*guard.Policy, error) {
	networks, err := s.networks()
	if err != nil {
		return nil, fault.New(fault.Invalid, "read setting", "ALLOW_NETWORKS", err)
	}
	return &guard.Policy{Allow: networks, Hosts: s.HostOverrides, Ports: ports}, nil
}

func (s *Settings) networks() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range s.AllowNetworks {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no network such as 10.0.0.0/8", text)
		}
		out = append(out, p)
	}
	return out, nil
}

// roots returns the authorities that are trusted, nil for the system's.
func (s *Settings) roots() (*x509.CertPool, error) {
	if s.RootCAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.RootCAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errNoCertificate
	}
	return pool, nil
}
