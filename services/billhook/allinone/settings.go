package allinone

import (
	"slices"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/console"
	"github.com/billhook/billhook/services/ingest"
	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/services/matcher"
	"github.com/billhook/billhook/services/queue"
	"github.com/billhook/billhook/services/scheduler"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
	"github.com/billhook/billhook/streams/topology"
)

// Config is everything that can be set about an all-in-one. The names of the
// services' settings are the same as when they run apart.
type Config struct {
	NATSAddr string `env:"NATS_ADDR" envDefault:"127.0.0.1:4222" unit:"host:port" doc:"where the embedded NATS server listens; off: nowhere"`
	HTTPAddr string `env:"HTTP_ADDR" envDefault:"127.0.0.1:8484" unit:"host:port" doc:"where the all-in-one serves HTTP; plain, so put a proxy that speaks TLS before it"`
	Sync     string `env:"SYNC" envDefault:"always" doc:"always: what is acknowledged survives a power cut; interval: the last two minutes may be lost with the machine, not with the process"`

	Topology  topology.Settings
	Kit       kit.Settings
	Ingest    ingest.Config
	Matcher   matcher.Config
	Webhook   webhooksender.Config
	Mailer    mailer.Config
	Scheduler scheduler.Config
	Console   console.Config
	Queue     queue.Config
}

// Ways to write to disk.
const (
	SyncAlways   = "always"
	SyncInterval = "interval"
)

// off is the NATSAddr of a server without a listener.
const off = "off"

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	out := slices.Concat(
		process.OneOf("SYNC", c.Sync, SyncAlways, SyncInterval),
		process.Addr("HTTP_ADDR", c.HTTPAddr),
		process.RefuseIf(c.Topology.Replicas > 1, "REPLICAS", "must be 1: the all-in-one is one server"),
	)
	if c.NATSAddr == off {
		return out
	}
	return append(out, process.Addr("NATS_ADDR", c.NATSAddr)...)
}

// Load reads the configuration from an environment; every problem is reported
// at once.
func Load(environ []string) (Config, error) {
	var c Config
	return c, process.Load(environ, &c)
}

// Settings is the table of every setting of every program.
func Settings() []process.Setting {
	return process.Table(Config{}, link.Settings{}, process.Settings{})
}
