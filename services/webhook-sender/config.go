package webhooksender

import (
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// Config are the settings of the service.
type Config struct {
	Concurrency      int           `env:"WEBHOOK_CONCURRENCY" envDefault:"256" doc:"requests under way at a time, over all endpoints; also the most repeats that a crash may cause at receivers"`
	Waiting          int           `env:"WEBHOOK_WAITING" envDefault:"512" doc:"waiting deliveries from which on a slow endpoint's are put off, so that they do not stand in the way of others"`
	Patience         time.Duration `env:"WEBHOOK_PATIENCE" envDefault:"2s" unit:"duration" doc:"how long deliveries may wait for their endpoint before it counts as slow"`
	MaxAckPending    int           `env:"WEBHOOK_MAX_ACK_PENDING" envDefault:"1024" doc:"deliveries of one partition that this instance holds at a time"`
	HandshakeTimeout time.Duration `env:"WEBHOOK_HANDSHAKE_TIMEOUT" envDefault:"5s" unit:"duration" doc:"longest time to a connection, and longest TLS handshake"`
	HeaderTimeout    time.Duration `env:"WEBHOOK_HEADER_TIMEOUT" envDefault:"10s" unit:"duration" doc:"longest time from the request to the headers of the answer"`
	Timeout          time.Duration `env:"WEBHOOK_TIMEOUT" envDefault:"15s" unit:"duration" doc:"longest time of a request with its whole answer"`
	MaxRetryAfter    time.Duration `env:"WEBHOOK_MAX_RETRY_AFTER" envDefault:"24h" unit:"duration" doc:"longest delay that a receiver may ask for with Retry-After"`
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
	positive(c.HandshakeTimeout > 0, "WEBHOOK_HANDSHAKE_TIMEOUT")
	positive(c.HeaderTimeout > 0, "WEBHOOK_HEADER_TIMEOUT")
	positive(c.Timeout > 0, "WEBHOOK_TIMEOUT")
	positive(c.MaxRetryAfter > 0, "WEBHOOK_MAX_RETRY_AFTER")
	if c.MaxAckPending < c.Concurrency+c.Waiting {
		// Else the deliveries of slow endpoints could take every place of a
		// partition before any of them counts as slow.
		out = append(out, process.Refuse("WEBHOOK_MAX_ACK_PENDING", "must be at least WEBHOOK_CONCURRENCY and WEBHOOK_WAITING together"))
	}
	return out
}
