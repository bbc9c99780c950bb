package matcher

import (
	"slices"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// Config is the operator's choices about the matcher.
type Config struct {
	Lease  time.Duration `env:"MATCHER_LEASE" envDefault:"5s" unit:"duration" doc:"how long a dead instance keeps others from its partitions"`
	Batch  int           `env:"MATCHER_BATCH" envDefault:"1000" doc:"greatest number of events of a partition matched at once, 1 to 1,000"`
	Spread time.Duration `env:"MATCHER_SPREAD" envDefault:"10m" unit:"duration" doc:"how long events of an owner that floods may wait so that those of others need not; 0s makes the most of the machine instead"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	return slices.Concat(
		process.AtLeast("MATCHER_LEASE", c.Lease, 2*time.Second),
		process.RefuseIf(c.Batch < 1 || c.Batch > 1000, "MATCHER_BATCH", "is not within 1 to 1,000"),
		process.AtLeast("MATCHER_SPREAD", c.Spread, 0),
	)
}
