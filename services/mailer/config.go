package mailer

import (
	"time"

	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
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
	Templates        int              `env:"MAILER_TEMPLATES" envDefault:"2000" doc:"canned emails kept compiled"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (c *Config) Check() fault.Problems {
	var out fault.Problems
	positive := func(ok bool, name string) {
		if !ok {
			out = append(out, process.Refuse(name, "must be greater than 0"))
		}
	}
	positive(c.Concurrency > 0, "MAILER_CONCURRENCY")
	positive(c.Connections > 0, "MAILER_CONNECTIONS")
	positive(c.Waiting > 0, "MAILER_WAITING")
	positive(c.Patience > 0, "MAILER_PATIENCE")
	positive(c.Timeout > 0, "MAILER_TIMEOUT")
	positive(c.SendTimeout > 0, "MAILER_SEND_TIMEOUT")
	positive(c.StopTimeout > 0, "MAILER_STOP_TIMEOUT")
	positive(c.IdleTime > 0, "MAILER_IDLE_TIME")
	positive(c.ConnectionAge > 0, "MAILER_CONNECTION_AGE")
	positive(c.SettingsRetry >= time.Second, "MAILER_SETTINGS_RETRY")
	positive(c.SettingsPatience > 0, "MAILER_SETTINGS_PATIENCE")
	positive(c.Templates > 0, "MAILER_TEMPLATES")
	if c.HelloName == "" {
		out = append(out, process.Refuse("MAILER_HELLO_NAME", "must not be empty"))
	}
	if p := c.Retry.Check(); len(p) > 0 {
		out = append(out, process.Refuse("MAILER_RETRY", p.Error()))
	}
	if c.MaxAckPending < c.Concurrency+c.Waiting {
		// Else the deliveries of slow servers could take every place of a
		// partition before any of them counts as slow.
		out = append(out, process.Refuse("MAILER_MAX_ACK_PENDING", "must be at least MAILER_CONCURRENCY and MAILER_WAITING together"))
	}
	return out
}
