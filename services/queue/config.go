package queue

import (
	"slices"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// Config is the operator's choices about queues.
type Config struct {
	// HTTPAddr is where the service listens by itself; empty where another
	// server serves [Service.Handler].
	HTTPAddr string `env:"QUEUE_HTTP_ADDR" envDefault:"127.0.0.1:8487" unit:"host:port" doc:"where event queues are read over HTTP; plain, so put a proxy that speaks TLS before it"`
	// Waiting bounds what an owner can keep open.
	Waiting int `env:"QUEUE_WAITING" envDefault:"100" doc:"requests of one owner that may wait for events at an instance at once; those of one queue get three quarters at most"`
	// SweepEvery is how often the states of queues that were deleted are removed.
	SweepEvery time.Duration `env:"QUEUE_SWEEP_EVERY" envDefault:"10m" unit:"duration" doc:"how often what is kept of reading queues that were deleted is removed"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	return slices.Concat(
		process.Positive("QUEUE_WAITING", c.Waiting),
		process.AtLeast("QUEUE_SWEEP_EVERY", c.SweepEvery, time.Second),
		process.AddrOrNone("QUEUE_HTTP_ADDR", c.HTTPAddr),
	)
}
