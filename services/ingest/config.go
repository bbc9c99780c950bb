package ingest

import (
	"net/netip"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// Config is the operator's choices about ingest.
type Config struct {
	// HTTPAddr is where the service listens by itself; empty where another
	// server serves [Service.Handler].
	HTTPAddr string `env:"INGEST_HTTP_ADDR" envDefault:"127.0.0.1:8484" unit:"host:port" doc:"where events are taken in over HTTP; plain, so put a proxy that speaks TLS before it"`
	// Proxies are the networks of that proxy.
	Proxies []netip.Prefix `env:"INGEST_TRUSTED_PROXIES" envDefault:"127.0.0.0/8,::1/128" unit:"CIDR" doc:"networks of proxies whose X-Forwarded-For is believed, with commas between; wrong keys are counted by the address behind them"`
	// Lease and Batch are those of the cursors.
	Lease time.Duration `env:"INGEST_LEASE" envDefault:"5s" unit:"duration" doc:"how long a dead instance keeps others from its partitions"`
	Batch int           `env:"INGEST_BATCH" envDefault:"500" doc:"greatest number of messages of a partition judged at once, 1 to 500"`
	// PurgeEvery is how often INBOX is purged of what was taken in.
	PurgeEvery time.Duration `env:"INGEST_PURGE_EVERY" envDefault:"5s" unit:"duration" doc:"how often what was taken in is removed from INBOX"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	var out fault.Problems
	refuse := func(bad bool, name, detail string) {
		if bad {
			out = append(out, fault.Problem{Pointer: fault.Pointer(name), Rule: "setting.refused", Detail: detail})
		}
	}
	refuse(c.Lease < 2*time.Second, "INGEST_LEASE", "is below 2s")
	refuse(c.Batch < 1 || c.Batch > 500, "INGEST_BATCH", "is not within 1 to 500")
	refuse(c.PurgeEvery < 10*time.Millisecond, "INGEST_PURGE_EVERY", "is below 10ms")
	return out
}
