package console

import (
	"net/url"
	"slices"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// Config is the operator's choices about the console.
type Config struct {
	// HTTPAddr is where the service listens by itself; empty where another
	// server serves [Service.Handler].
	HTTPAddr string `env:"CONSOLE_HTTP_ADDR" envDefault:"127.0.0.1:8486" unit:"host:port" doc:"where the management API is served; plain, so put a proxy that speaks TLS before it"`
	// URL, EventsURL and QueuesURL are the addresses that the OpenAPI document names.
	URL       string `env:"CONSOLE_URL" unit:"URL" doc:"where clients reach the management API, for its OpenAPI document; empty: where it listens"`
	EventsURL string `env:"CONSOLE_EVENTS_URL" envDefault:"http://127.0.0.1:8484" unit:"URL" doc:"where clients publish events, for the OpenAPI document"`
	QueuesURL string `env:"CONSOLE_QUEUES_URL" envDefault:"http://127.0.0.1:8487" unit:"URL" doc:"where clients read event queues, for the OpenAPI document"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	return slices.Concat(
		process.AddrOrNone("CONSOLE_HTTP_ADDR", c.HTTPAddr),
		urlOrNone("CONSOLE_URL", c.URL),
		urlOrNone("CONSOLE_EVENTS_URL", c.EventsURL),
		urlOrNone("CONSOLE_QUEUES_URL", c.QueuesURL),
	)
}

func urlOrNone(name, text string) fault.Problems {
	u, err := url.Parse(text)
	bad := err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == ""
	return process.RefuseIf(text != "" && bad, name, "must be a URL such as https://billhook.example.com")
}
