package process_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/process"
)

// TestMain is also the main function of the processes that tests start.
func TestMain(m *testing.M) {
	if os.Getenv("PROBE") != "" {
		process.Main("probe", probe)
	}
	goleak.VerifyTestMain(m)
}

type probeSettings struct {
	How  string `env:"PROBE" doc:"what the process does"`
	Size int    `env:"PROBE_SIZE,required" doc:"must be set"`
}

// probe is a service whose way to end is a setting.
func probe(ctx context.Context, p *process.Process, s probeSettings) error {
	p.Log.Info().Int("size", s.Size).Msg("up")
	switch s.How {
	case "return":
		return nil
	case "fail":
		return errors.New("disk is full")
	case "hang":
		<-ctx.Done()
		p.Log.Info().Msg("hangs")
		select {}
	default:
		<-ctx.Done()
		return ctx.Err()
	}
}

// started is a process and its log.
type started struct {
	cmd  *exec.Cmd
	line func(message string) map[string]any
}

func start(t *testing.T, environ ...string) *started {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append([]string{"PROBE_SIZE=1"}, environ...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &started{cmd: cmd, line: lines(t, log)}
}

func (s *started) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *started) status() int {
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

func TestASignalStopsAProcessWithoutFailure(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := start(t, "PROBE=wait")
		p.line("up")
		p.signal(t, sig)
		p.line("stopped")
		if got := p.status(); got != 0 {
			t.Errorf("%v: status %d", sig, got)
		}
	}
}

func TestASecondSignalEndsAProcessThatHangs(t *testing.T) {
	p := start(t, "PROBE=hang", "STOP_TIMEOUT=1h")
	p.line("up")
	p.signal(t, syscall.SIGTERM)
	p.line("hangs") // two signals at once may arrive as one
	p.signal(t, syscall.SIGINT)
	if got := p.status(); got != 128+int(syscall.SIGINT) {
		t.Errorf("status %d", got)
	}
}

func TestAProcessThatDoesNotStopInTimeEndsAnyway(t *testing.T) {
	p := start(t, "PROBE=hang", "STOP_TIMEOUT=10ms")
	p.line("up")
	p.signal(t, syscall.SIGTERM)
	if got := p.line("failed")["error"]; got != "stop: did not stop in time" {
		t.Errorf("error = %v", got)
	}
	if got := p.status(); got != 1 {
		t.Errorf("status %d", got)
	}
}

func TestAFailureIsLoggedAndTold(t *testing.T) {
	p := start(t, "PROBE=fail")
	line := p.line("failed")
	if line["error"] != "disk is full" || line["kind"] != "internal" || line["level"] != "error" {
		t.Errorf("line = %v", line)
	}
	if got := p.status(); got != 1 {
		t.Errorf("status %d", got)
	}
}

func TestAProcessThatIsDoneEndsWell(t *testing.T) {
	p := start(t, "PROBE=return")
	p.line("stopped")
	if got := p.status(); got != 0 {
		t.Errorf("status %d", got)
	}
}

func TestRefusedSettingsAreAllLoggedBeforeAnythingStarts(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{"PROBE=wait", "LOG_FORMAT=xml", "HEALTH_ADDR=x"}
	log := &strings.Builder{}
	cmd.Stderr, cmd.Stdout = log, io.Discard
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != 2 {
		t.Errorf("status %d", got)
	}
	if got := log.String(); strings.Count(got, "\n") != 3 || strings.Contains(got, `"up"`) ||
		!strings.Contains(got, `"setting":"LOG_FORMAT","rule":"setting.refused"`) ||
		!strings.Contains(got, `"setting":"HEALTH_ADDR","rule":"setting.refused"`) ||
		!strings.Contains(got, `"setting":"PROBE_SIZE","rule":"setting.required"`) {
		t.Errorf("log: %s", got)
	}
}
