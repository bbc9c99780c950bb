package broker

import (
	"crypto/subtle"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// door lets connections in: those of this process by its token, others as the
// authenticator says.
type door struct {
	auth  Authenticator
	token string
}

// Check implements server.Authentication.
func (d door) Check(c server.ClientAuthentication) bool {
	opts := c.GetOpts()
	if opts.Token != "" {
		if subtle.ConstantTimeCompare([]byte(opts.Token), []byte(d.token)) != 1 {
			return false
		}
		c.RegisterUser(&server.User{Username: "process"})
		return true
	}
	if d.auth == nil {
		return false
	}
	allowed, ok := d.auth(opts.Username, opts.Password)
	if !ok {
		return false
	}
	c.RegisterUser(&server.User{Username: opts.Username, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: allowed.Publish},
		Subscribe: &server.SubjectPermission{Allow: allowed.Subscribe},
	}})
	return true
}

// logTo writes the server's log lines to ours, one level lower: what the
// server calls a notice is a detail to us.
type logTo struct{ logger zerolog.Logger }

func (l logTo) Noticef(format string, v ...any) { l.logger.Debug().Msgf(format, v...) }
func (l logTo) Warnf(format string, v ...any)   { l.logger.Warn().Msgf(format, v...) }
func (l logTo) Fatalf(format string, v ...any)  { l.logger.Error().Msgf(format, v...) }
func (l logTo) Errorf(format string, v ...any)  { l.logger.Error().Msgf(format, v...) }
func (l logTo) Debugf(format string, v ...any)  { l.logger.Trace().Msgf(format, v...) }
func (l logTo) Tracef(format string, v ...any)  { l.logger.Trace().Msgf(format, v...) }
