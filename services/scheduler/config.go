package scheduler

import (
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// Config is the operator's choices about the scheduler.
type Config struct {
	Lease     time.Duration `env:"SCHEDULER_LEASE" envDefault:"5s" unit:"duration" doc:"how long a dead instance keeps others from planning"`
	Grace     time.Duration `env:"SCHEDULER_GRACE" envDefault:"5s" unit:"duration" doc:"how long after its moment a scheduled event is not yet marked late"`
	Reconcile time.Duration `env:"SCHEDULER_RECONCILE" envDefault:"1h" unit:"duration" doc:"how often plans and timers are reconciled"`
	Keep      time.Duration `env:"SCHEDULER_KEEP" envDefault:"9600h" unit:"duration" doc:"how long a plan that fired or was cancelled is kept; an invoice delivered again after that is planned again"`
	InFlight  int           `env:"SCHEDULER_IN_FLIGHT" envDefault:"64" doc:"greatest number of plans that an instance fires at once"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	var out fault.Problems
	refuse := func(bad bool, name, detail string) {
		if bad {
			out = append(out, fault.Problem{Pointer: fault.Pointer(name), Rule: "setting.refused", Detail: detail})
		}
	}
	refuse(c.Lease < 2*time.Second, "SCHEDULER_LEASE", "is below 2s")
	refuse(c.Grace < time.Second, "SCHEDULER_GRACE", "is below 1s")
	refuse(c.Reconcile < time.Second, "SCHEDULER_RECONCILE", "is below 1s")
	refuse(c.Keep < 24*time.Hour, "SCHEDULER_KEEP", "is below 24h")
	refuse(c.InFlight < 1 || c.InFlight > 4096, "SCHEDULER_IN_FLIGHT", "is not within 1 to 4096")
	return out
}
