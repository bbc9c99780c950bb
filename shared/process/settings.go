package process

import (
	"io"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
)

// Settings are the settings of the frame, the same for every process.
type Settings struct {
	LogLevel    string        `env:"LOG_LEVEL" envDefault:"info" doc:"least level that is logged: trace, debug, info, warn or error"`
	LogFormat   string        `env:"LOG_FORMAT" envDefault:"json" doc:"form of the log: json (one object a line) or text (for people)"`
	HealthAddr  string        `env:"HEALTH_ADDR" unit:"host:port" doc:"where /livez and /readyz answer; empty: nowhere"`
	GCPercent   int           `env:"GC_PERCENT" envDefault:"400" unit:"percent" doc:"how much the heap may grow between two garbage collections: less saves memory, more saves processor time"`
	StopTimeout time.Duration `env:"STOP_TIMEOUT" envDefault:"30s" unit:"duration" doc:"how long a stop may take before the process ends anyway"`
}

// Check refuses what no parser can see.
func (s *Settings) Check() fault.Problems {
	return slices.Concat(
		OneOf("LOG_LEVEL", s.LogLevel, "trace", "debug", "info", "warn", "error"),
		OneOf("LOG_FORMAT", s.LogFormat, "json", "text"),
		AddrOrNone("HEALTH_ADDR", s.HealthAddr),
		RefuseIf(s.GCPercent < 10, "GC_PERCENT", "must be at least 10"),
		Positive("STOP_TIMEOUT", s.StopTimeout),
	)
}

// logger takes settings that were checked, or none at all.
func (s *Settings) logger(name string, w io.Writer) zerolog.Logger {
	if s.LogFormat == "text" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.RFC3339, NoColor: true}
	}
	level, err := zerolog.ParseLevel(s.LogLevel)
	if err != nil || level == zerolog.NoLevel {
		level = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(level).With().Timestamp().Str("service", name).Logger()
}
