package ingest

import (
	"slices"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/topology"
)

// Config is the operator's choices about ingest.
type Config struct {
	// HTTPAddr is where the service listens by itself; empty where another
	// server serves [Service.Handler].
	HTTPAddr string `env:"INGEST_HTTP_ADDR" envDefault:"127.0.0.1:8484" unit:"host:port" doc:"where events are taken in over HTTP; plain, so put a proxy that speaks TLS before it"`
	// Lease and Batch are those of the cursors.
	Lease  time.Duration `env:"INGEST_LEASE" envDefault:"5s" unit:"duration" doc:"how long a dead instance keeps others from its partitions"`
	Batch  int           `env:"INGEST_BATCH" envDefault:"1000" doc:"greatest number of messages of a partition judged at once, 1 to 1,000"`
	Spread time.Duration `env:"INGEST_SPREAD" envDefault:"10m" unit:"duration" doc:"how long messages of an owner that floods may wait so that those of others need not, up to 10m; 0s makes the most of the machine instead"`
	// PurgeEvery is how often INBOX is purged of what was taken in.
	PurgeEvery time.Duration `env:"INGEST_PURGE_EVERY" envDefault:"5s" unit:"duration" doc:"how often what was taken in is removed from INBOX"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	return slices.Concat(
		process.AtLeast("INGEST_LEASE", c.Lease, 2*time.Second),
		process.RefuseIf(c.Batch < 1 || c.Batch > 1000, "INGEST_BATCH", "is not within 1 to 1,000"),
		process.AtLeast("INGEST_SPREAD", c.Spread, 0),
		process.RefuseIf(c.Spread > topology.LongestHeld, "INGEST_SPREAD", "is above 10m, for which repeats are known"),
		process.AtLeast("INGEST_PURGE_EVERY", c.PurgeEvery, 10*time.Millisecond),
		process.AddrOrNone("INGEST_HTTP_ADDR", c.HTTPAddr),
	)
}
