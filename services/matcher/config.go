package matcher

import (
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// Config is the operator's choices about the matcher.
type Config struct {
	Lease time.Duration `env:"MATCHER_LEASE" envDefault:"5s" unit:"duration" doc:"how long a dead instance keeps others from its partitions"`
	Batch int           `env:"MATCHER_BATCH" envDefault:"500" doc:"greatest number of events of a partition matched at once, 1 to 500"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	var out fault.Problems
	refuse := func(bad bool, name, detail string) {
		if bad {
			out = append(out, fault.Problem{Pointer: fault.Pointer(name), Rule: "setting.refused", Detail: detail})
		}
	}
	refuse(c.Lease < 2*time.Second, "MATCHER_LEASE", "is below 2s")
	refuse(c.Batch < 1 || c.Batch > 500, "MATCHER_BATCH", "is not within 1 to 500")
	return out
}
