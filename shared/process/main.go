package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
)

// Exit statuses of [Main].
const (
	statusFailed   = 1
	statusSettings = 2
)

// ErrStopTimeout says that a process did not stop within STOP_TIMEOUT.
var ErrStopTimeout = errors.New("did not stop in time")

// Main is the whole of a service's main function: it loads the frame's
// settings and S from the environment, reports all that is wrong with them
// before anything starts, and calls run with a context that SIGINT and SIGTERM
// cancel. It never returns. The process ends with 0 when run returned nil or
// was cancelled, 1 when it failed or did not stop in time, 2 when settings were
// refused. Run should end in a call of [Process.Run]. With the argument --version
// it prints its [Version] instead.
func Main[S any](name string, run func(ctx context.Context, p *Process, settings S) error) {
	ctx, stop := Signals(context.Background())
	status := execute(ctx, outside{name, os.Args[1:], os.Environ(), os.Stdout, os.Stderr}, run)
	stop()
	os.Exit(status)
}

// outside is what the frame takes from the world around.
type outside struct {
	name          string
	args, environ []string
	out, log      io.Writer
}

func execute[S any](ctx context.Context, o outside, run func(context.Context, *Process, S) error) int {
	if slices.Equal(o.args, []string{"--version"}) {
		fmt.Fprintln(o.out, o.name, Version())
		return 0
	}
	var frame Settings
	var settings S
	if err := Load(o.environ, &frame, &settings); err != nil {
		o.refuse(err)
		return statusSettings
	}
	p := New(o.name, frame, o.log)
	p.WarnMisspelt(o.environ, &frame, &settings)
	done := make(chan error, 1)
	go func() { done <- run(ctx, p, settings) }()
	err := wait(ctx, done, frame.StopTimeout)
	if err != nil && !errors.Is(err, context.Canceled) {
		p.Log.Error().Err(err).Stringer("kind", fault.KindOf(err)).Msg("failed")
		return statusFailed
	}
	p.Log.Info().Msg("stopped")
	return 0
}

// wait gives up on a run that outlives its context by timeout. Its goroutine
// is then left behind, and ends with the process.
func wait(ctx context.Context, done <-chan error, timeout time.Duration) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fault.New(fault.Internal, "stop", "", ErrStopTimeout)
	}
}

// refuse logs every refused setting. The log settings may be among them, so
// the log has its default form.
func (o outside) refuse(err error) {
	log := zerolog.New(o.log).With().Timestamp().Str("service", o.name).Logger()
	for _, p := range fault.ProblemsOf(err) {
		log.Error().Str("setting", p.Pointer[1:]).Str("rule", p.Rule).Msg(p.Detail)
	}
}
