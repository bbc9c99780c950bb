package broker

import (
	"fmt"

	"github.com/rs/zerolog"
)

// logTo writes the server's log lines to ours, one level lower: what the
// server calls a notice is a detail to us. The first fatal one, after which a
// server started by itself would exit, goes to whoever starts it.
type logTo struct {
	logger zerolog.Logger
	fatal  chan<- string
}

func (l logTo) Noticef(format string, v ...any) { l.logger.Debug().Msgf(format, v...) }
func (l logTo) Warnf(format string, v ...any)   { l.logger.Warn().Msgf(format, v...) }
func (l logTo) Errorf(format string, v ...any)  { l.logger.Error().Msgf(format, v...) }
func (l logTo) Debugf(format string, v ...any)  { l.logger.Trace().Msgf(format, v...) }
func (l logTo) Tracef(format string, v ...any)  { l.logger.Trace().Msgf(format, v...) }
func (l logTo) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
		l.logger.Error().Msgf(format, v...)
	}
}
