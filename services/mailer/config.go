package mailer

import (
	"slices"
	"strings"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// The values of [Config.Ambiguous].
const (
	Retry = "retry"
	Hold  = "hold"
)

// Config are the settings of the service.
type Config struct {
	Concurrency      int              `env:"MAILER_CONCURRENCY" envDefault:"64" doc:"email deliveries worked at a time, over all SMTP settings"`
	Connections      int              `env:"MAILER_CONNECTIONS" envDefault:"4" doc:"connections to the server of one SMTP settings; also the most repeats of a letter's sending that a crash may cause there"`
	Waiting          int              `env:"MAILER_WAITING" envDefault:"256" doc:"waiting deliveries from which on those of a slow server are put off, so that they do not stand in the way of others"`
	Patience         time.Duration    `env:"MAILER_PATIENCE" envDefault:"10s" unit:"duration" doc:"how long deliveries may wait for their server before it counts as slow"`
	MaxAckPending    int              `env:"MAILER_MAX_ACK_PENDING" envDefault:"512" doc:"deliveries of one partition that this instance holds at a time"`
	HelloName        string           `env:"MAILER_HELLO_NAME" envDefault:"localhost" doc:"name that servers are greeted with (EHLO): the public name of this host"`
	Timeout          time.Duration    `env:"MAILER_TIMEOUT" envDefault:"30s" unit:"duration" doc:"longest time to open a connection and log in"`
	SendTimeout      time.Duration    `env:"MAILER_SEND_TIMEOUT" envDefault:"5m" unit:"duration" doc:"longest time to send a letter: servers may take their time behind the final dot, and who does not wait sends twice"`
	StopTimeout      time.Duration    `env:"MAILER_STOP_TIMEOUT" envDefault:"15s" unit:"duration" doc:"how long letters on their way may take when the service stops"`
	IdleTime         time.Duration    `env:"MAILER_IDLE_TIME" envDefault:"30s" unit:"duration" doc:"how long a connection is kept without a letter"`
	ConnectionAge    time.Duration    `env:"MAILER_CONNECTION_AGE" envDefault:"10m" unit:"duration" doc:"how long a connection is used"`
	Retry            backoff.Schedule `env:"MAILER_RETRY" envDefault:"0s,5m,10m,20m,40m,1h20m,2h40m,5h,8h,12h" unit:"durations" doc:"longest delay before each attempt that counts; half of it at least is kept to"`
	SettingsRetry    time.Duration    `env:"MAILER_SETTINGS_RETRY" envDefault:"1m" unit:"duration" doc:"delay before SMTP settings that were found at fault (login, TLS, sender) are tried again; such attempts do not count"`
	SettingsPatience time.Duration    `env:"MAILER_SETTINGS_PATIENCE" envDefault:"168h" unit:"duration" doc:"how long after its first attempt an email is given up because of faulty SMTP settings"`
	Ambiguous        string           `env:"MAILER_AMBIGUOUS" envDefault:"retry" doc:"what becomes of a letter of which nobody knows whether the server took it: retry sends it again under the same Message-ID, hold parks it"`
	DocumentMaxSize  int              `env:"MAILER_DOCUMENT_MAX_SIZE" envDefault:"10485760" unit:"bytes" doc:"largest document that is attached; each connection may hold one in memory, about three times over"`
	DocumentRetry    time.Duration    `env:"MAILER_DOCUMENT_RETRY" envDefault:"1m" unit:"duration" doc:"delay before a document that is waited for is looked for again"`
	DocumentPatience time.Duration    `env:"MAILER_DOCUMENT_PATIENCE" envDefault:"1h" unit:"duration" doc:"how long a document is waited for"`
	SeriesLive       int              `env:"MAILER_SERIES_LIVE" envDefault:"64" doc:"ordered subscriptions at work at a time; there may be any number of them"`
	Lease            time.Duration    `env:"MAILER_LEASE" envDefault:"4s" unit:"duration" doc:"how long ordered subscriptions of an instance that died wait for another one, but for half a second"`
	Templates        int              `env:"MAILER_TEMPLATES" envDefault:"2000" doc:"canned emails kept compiled"`
	// UnsubscribeURL is where links to unsubscribe lead. HTTPAddr is where the
	// service answers them by itself; empty where another server serves
	// [Service.Handler].
	UnsubscribeURL string `env:"UNSUBSCRIBE_URL" unit:"URL" doc:"public https address that leads to /unsubscribe of the mailer, for links by which readers unsubscribe: https://mail.example.com/unsubscribe. Emails that are not transactional wait while it is not set"`
	HTTPAddr       string `env:"MAILER_HTTP_ADDR" envDefault:"127.0.0.1:8485" unit:"host:port" doc:"where a mailer that runs apart answers those links, once UNSUBSCRIBE_URL is set; plain, so put a proxy that speaks TLS before it"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	badURL := c.UnsubscribeURL != "" && !unsubscribe.CheckBase(c.UnsubscribeURL)
	return slices.Concat(
		process.Positive("MAILER_CONCURRENCY", c.Concurrency),
		process.Positive("MAILER_CONNECTIONS", c.Connections),
		process.Positive("MAILER_WAITING", c.Waiting),
		process.Positive("MAILER_PATIENCE", c.Patience),
		process.Positive("MAILER_TIMEOUT", c.Timeout),
		process.Positive("MAILER_SEND_TIMEOUT", c.SendTimeout),
		process.Positive("MAILER_STOP_TIMEOUT", c.StopTimeout),
		process.Positive("MAILER_IDLE_TIME", c.IdleTime),
		process.Positive("MAILER_CONNECTION_AGE", c.ConnectionAge),
		process.RefuseIf(c.SettingsRetry < time.Second, "MAILER_SETTINGS_RETRY", "must be at least 1s"),
		process.Positive("MAILER_SETTINGS_PATIENCE", c.SettingsPatience),
		process.Positive("MAILER_DOCUMENT_MAX_SIZE", c.DocumentMaxSize),
		process.RefuseIf(c.DocumentRetry < time.Second, "MAILER_DOCUMENT_RETRY", "must be at least 1s"),
		process.Positive("MAILER_DOCUMENT_PATIENCE", c.DocumentPatience),
		process.Positive("MAILER_SERIES_LIVE", c.SeriesLive),
		process.Positive("MAILER_LEASE", c.Lease),
		process.Positive("MAILER_TEMPLATES", c.Templates),
		process.OneOf("MAILER_AMBIGUOUS", c.Ambiguous, Retry, Hold),
		process.RefuseIf(!isHelloName(c.HelloName), "MAILER_HELLO_NAME", "must be a host name such as mail.example.com"),
		process.RefuseFor(c.Retry.Check().Or(), "MAILER_RETRY"),
		process.RefuseIf(badURL, "UNSUBSCRIBE_URL", "must be an https address without a query, such as https://mail.example.com/unsubscribe"),
		process.AddrOrNone("MAILER_HTTP_ADDR", c.HTTPAddr),
		// Else the deliveries of slow servers could take every place of a
		// partition before any of them counts as slow.
		process.RefuseIf(c.MaxAckPending < c.Concurrency+c.Waiting,
			"MAILER_MAX_ACK_PENDING", "must be at least MAILER_CONCURRENCY and MAILER_WAITING together"),
	)
}

func isHelloName(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
