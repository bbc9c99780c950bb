package scheduler

import (
	"slices"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// Config is the operator's choices about the scheduler.
type Config struct {
	Lease     time.Duration `env:"SCHEDULER_LEASE" envDefault:"5s" unit:"duration" doc:"how long a dead instance keeps others from planning"`
	Grace     time.Duration `env:"SCHEDULER_GRACE" envDefault:"5s" unit:"duration" doc:"how long after its moment a scheduled event is not yet marked late"`
	Reconcile time.Duration `env:"SCHEDULER_RECONCILE" envDefault:"1h" unit:"duration" doc:"how often plans and timers are reconciled"`
	InFlight  int           `env:"SCHEDULER_IN_FLIGHT" envDefault:"64" doc:"greatest number of invoices whose events an instance fires at once for one moment"`
	LateRate  int           `env:"SCHEDULER_LATE_RATE" envDefault:"500" doc:"greatest number of events a second that an instance fires after downtime"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	return slices.Concat(
		process.AtLeast("SCHEDULER_LEASE", c.Lease, 2*time.Second),
		process.AtLeast("SCHEDULER_GRACE", c.Grace, time.Second),
		process.AtLeast("SCHEDULER_RECONCILE", c.Reconcile, time.Second),
		process.RefuseIf(c.InFlight < 1 || c.InFlight > 4096, "SCHEDULER_IN_FLIGHT", "is not within 1 to 4096"),
		process.AtLeast("SCHEDULER_LATE_RATE", c.LateRate, 1),
	)
}
