package webhooksender

import (
	"slices"
	"time"

	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// Config are the settings of the service.
type Config struct {
	Concurrency      int              `env:"WEBHOOK_CONCURRENCY" envDefault:"256" doc:"requests under way at a time, over all endpoints; also the most repeats that a crash may cause at receivers"`
	Waiting          int              `env:"WEBHOOK_WAITING" envDefault:"512" doc:"waiting deliveries from which on a slow endpoint's are put off, so that they do not stand in the way of others"`
	Patience         time.Duration    `env:"WEBHOOK_PATIENCE" envDefault:"2s" unit:"duration" doc:"how long deliveries may wait for their endpoint before it counts as slow"`
	MaxAckPending    int              `env:"WEBHOOK_MAX_ACK_PENDING" envDefault:"1024" doc:"deliveries of one partition that this instance holds at a time"`
	SeriesLive       int              `env:"WEBHOOK_SERIES_LIVE" envDefault:"256" doc:"ordered subscriptions at work at a time; there may be any number of them"`
	Lease            time.Duration    `env:"WEBHOOK_LEASE" envDefault:"4s" unit:"duration" doc:"how long ordered subscriptions of an instance that died wait for another one, but for half a second"`
	BreakerFailures  int              `env:"WEBHOOK_BREAKER_FAILURES" envDefault:"5" doc:"failures in a row by which an endpoint is given no more requests but probes"`
	BreakerWaits     backoff.Schedule `env:"WEBHOOK_BREAKER_WAITS" envDefault:"1s,5s,15s,30s,1m,2m,5m" unit:"durations" doc:"longest waits before the first probe, the second and so on, drawn with full jitter; the last one goes on"`
	BreakerExhausted int              `env:"WEBHOOK_BREAKER_EXHAUSTED" envDefault:"5" doc:"deliveries in a row that use up their retry schedule by which an endpoint is disabled; 0 for never"`
	Drains           int              `env:"WEBHOOK_DRAINS" envDefault:"32" doc:"backlogs of endpoints that this instance works off at a time"`
	HandshakeTimeout time.Duration    `env:"WEBHOOK_HANDSHAKE_TIMEOUT" envDefault:"5s" unit:"duration" doc:"longest time to a connection, and longest TLS handshake"`
	HeaderTimeout    time.Duration    `env:"WEBHOOK_HEADER_TIMEOUT" envDefault:"10s" unit:"duration" doc:"longest time from the request to the headers of the answer"`
	Timeout          time.Duration    `env:"WEBHOOK_TIMEOUT" envDefault:"15s" unit:"duration" doc:"longest time of a request with its whole answer"`
	MaxRetryAfter    time.Duration    `env:"WEBHOOK_MAX_RETRY_AFTER" envDefault:"24h" unit:"duration" doc:"longest delay that a receiver may ask for with Retry-After"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	return slices.Concat(
		process.Positive("WEBHOOK_CONCURRENCY", c.Concurrency),
		process.Positive("WEBHOOK_WAITING", c.Waiting),
		process.Positive("WEBHOOK_PATIENCE", c.Patience),
		process.Positive("WEBHOOK_SERIES_LIVE", c.SeriesLive),
		process.Positive("WEBHOOK_LEASE", c.Lease),
		process.Positive("WEBHOOK_BREAKER_FAILURES", c.BreakerFailures),
		process.Positive("WEBHOOK_DRAINS", c.Drains),
		process.Positive("WEBHOOK_HANDSHAKE_TIMEOUT", c.HandshakeTimeout),
		process.Positive("WEBHOOK_HEADER_TIMEOUT", c.HeaderTimeout),
		process.Positive("WEBHOOK_TIMEOUT", c.Timeout),
		process.Positive("WEBHOOK_MAX_RETRY_AFTER", c.MaxRetryAfter),
		process.RefuseIf(c.BreakerExhausted < 0, "WEBHOOK_BREAKER_EXHAUSTED", "must not be negative"),
		process.RefuseFor(c.BreakerWaits.Check().Or(), "WEBHOOK_BREAKER_WAITS"),
		// Else the deliveries of slow endpoints could take every place of a
		// partition before any of them counts as slow.
		process.RefuseIf(c.MaxAckPending < c.Concurrency+c.Waiting,
			"WEBHOOK_MAX_ACK_PENDING", "must be at least WEBHOOK_CONCURRENCY and WEBHOOK_WAITING together"),
	)
}
