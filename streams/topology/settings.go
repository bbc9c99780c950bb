package topology

import (
	"slices"
	"strconv"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// MaxPartitions is the greatest number of partitions.
const MaxPartitions = 1024

// Settings are the choices of the operator about streams and buckets. They
// matter when a stream is first made; afterwards a difference is reported as
// drift, except for Partitions, which is fixed for ever.
type Settings struct {
	Partitions     int           `env:"PARTITIONS" envDefault:"16" doc:"into how many ordered partitions owners are divided; fixed when the streams are first made"`
	Replicas       int           `env:"REPLICAS" envDefault:"1" doc:"copies of every stream and bucket in the NATS cluster: 1, 3 or 5"`
	DedupWindow    time.Duration `env:"DEDUP_WINDOW" envDefault:"10m" unit:"duration" doc:"for how long at least a second event with the same owner and id is refused as a duplicate"`
	InboxMaxBytes  int64         `env:"INBOX_MAX_BYTES" envDefault:"1073741824" unit:"bytes" doc:"size of INBOX at which new events are refused until ingest has caught up"`
	RejectedMaxAge time.Duration `env:"REJECTED_MAX_AGE" envDefault:"720h" unit:"duration" doc:"how long a refused event is kept"`
	EventsMaxAge   time.Duration `env:"EVENTS_MAX_AGE" envDefault:"720h" unit:"duration" doc:"how long an event is kept"`
	DeliveriesAge  time.Duration `env:"DELIVERIES_MAX_AGE" envDefault:"168h" unit:"duration" doc:"how long an unsent delivery is kept; what a subscription looked like is known for 8 days after it was changed"`
	ParkedMaxAge   time.Duration `env:"PARKED_MAX_AGE" envDefault:"2160h" unit:"duration" doc:"how long a delivery that was given up is kept"`
	OutcomesMaxAge time.Duration `env:"OUTCOMES_MAX_AGE" envDefault:"720h" unit:"duration" doc:"how long the outcome of an attempt is kept"`
	AuditMaxAge    time.Duration `env:"AUDIT_MAX_AGE" envDefault:"17520h" unit:"duration" doc:"how long it is kept who changed what"`
}

// Defaults returns the settings of an environment that sets none.
func Defaults() Settings {
	const day = 24 * time.Hour
	return Settings{
		Partitions: 16, Replicas: 1,
		DedupWindow: 10 * time.Minute, InboxMaxBytes: 1 << 30,
		RejectedMaxAge: 30 * day, EventsMaxAge: 30 * day, DeliveriesAge: 7 * day,
		ParkedMaxAge: 90 * day, OutcomesMaxAge: 30 * day, AuditMaxAge: 730 * day,
	}
}

// Check returns every setting that breaks a rule, by its environment name.
func (s *Settings) Check() fault.Problems {
	return slices.Concat(
		process.RefuseIf(s.Partitions < 1 || s.Partitions > MaxPartitions, "PARTITIONS", "is not within 1 to "+strconv.Itoa(MaxPartitions)),
		process.RefuseIf(s.Replicas != 1 && s.Replicas != 3 && s.Replicas != 5, "REPLICAS", "is none of 1, 3 and 5"),
		process.RefuseIf(s.DedupWindow < minDuplicates, "DEDUP_WINDOW", "is below 100ms, the least the server allows"),
		process.RefuseIf(s.EventsMaxAge < s.DedupWindow, "DEDUP_WINDOW", "is longer than EVENTS_MAX_AGE"),
		process.RefuseIf(s.InboxMaxBytes < 1<<20, "INBOX_MAX_BYTES", "is below 1 MiB"),
		keep("REJECTED_MAX_AGE", s.RejectedMaxAge), keep("EVENTS_MAX_AGE", s.EventsMaxAge), keep("DELIVERIES_MAX_AGE", s.DeliveriesAge),
		keep("PARKED_MAX_AGE", s.ParkedMaxAge), keep("OUTCOMES_MAX_AGE", s.OutcomesMaxAge), keep("AUDIT_MAX_AGE", s.AuditMaxAge),
	)
}

// keep refuses to keep messages for next to no time.
func keep(name string, age time.Duration) fault.Problems {
	return process.RefuseIf(age < minAge, name, "is below 1m")
}

const (
	minDuplicates = 100 * time.Millisecond
	minAge        = time.Minute
)
