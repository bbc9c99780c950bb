package webhooksender

import (
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
	var out fault.Problems
	positive := func(ok bool, name string) {
		if !ok {
			out = append(out, process.Refuse(name, "must be greater than 0"))
		}
	}
	positive(c.Concurrency > 0, "WEBHOOK_CONCURRENCY")
	positive(c.Waiting > 0, "WEBHOOK_WAITING")
	positive(c.Patience > 0, "WEBHOOK_PATIENCE")
	positive(c.SeriesLive > 0, "WEBHOOK_SERIES_LIVE")
	positive(c.Lease > 0, "WEBHOOK_LEASE")
	positive(c.BreakerFailures > 0, "WEBHOOK_BREAKER_FAILURES")
	positive(c.Drains > 0, "WEBHOOK_DRAINS")
	positive(c.HandshakeTimeout > 0, "WEBHOOK_HANDSHAKE_TIMEOUT")
	positive(c.HeaderTimeout > 0, "WEBHOOK_HEADER_TIMEOUT")
	positive(c.Timeout > 0, "WEBHOOK_TIMEOUT")
	positive(c.MaxRetryAfter > 0, "WEBHOOK_MAX_RETRY_AFTER")
	if c.BreakerExhausted < 0 {
		out = append(out, process.Refuse("WEBHOOK_BREAKER_EXHAUSTED", "must not be negative"))
	}
	if p := c.BreakerWaits.Check(); len(p) > 0 {
		out = append(out, process.Refuse("WEBHOOK_BREAKER_WAITS", p.Error()))
	}
	if c.MaxAckPending < c.Concurrency+c.Waiting {
		// Else the deliveries of slow endpoints could take every place of a
		// partition before any of them counts as slow.
		out = append(out, process.Refuse("WEBHOOK_MAX_ACK_PENDING", "must be at least WEBHOOK_CONCURRENCY and WEBHOOK_WAITING together"))
	}
	return out
}
