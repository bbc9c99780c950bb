package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Start says what to run.
type Start struct {
	Path string
	Args []string
	// Env is added to the test's environment. HEALTH_ADDR is set by Run.
	Env []string
	// Attr confines the program; nil leaves it as free as the test.
	Attr *syscall.SysProcAttr
}

// Process is a running program of the product.
type Process struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error
	health chan string

	mu  sync.Mutex
	log []byte
}

// Run starts a program; it is killed when the test ends.
func Run(t testing.TB, s Start) *Process {
	t.Helper()
	p := &Process{ended: make(chan struct{}), health: make(chan string, 1)}
	p.cmd = exec.Command(s.Path, s.Args...) //nolint:noctx // its life is the test's: see Cleanup
	p.cmd.Env = append(append(os.Environ(), "HEALTH_ADDR=127.0.0.1:0"), s.Env...)
	p.cmd.SysProcAttr = s.Attr
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.watch(out)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", s.Path, tail(p.Log(), 2000))
		}
	})
	return p
}

// tail returns the last n bytes of a text.
func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// watch reads the log to its end, then waits for the process.
func (p *Process) watch(out io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.log = append(append(p.log, lines.Bytes()...), '\n')
		p.mu.Unlock()
		var line struct{ Message, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "health" {
			select {
			case p.health <- line.Address:
			default:
			}
		}
	}
	p.err = p.cmd.Wait()
}

// Log returns what the process has logged so far.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.log)
}

// Logged returns the address in the log line of a message; empty when there
// is none.
func (p *Process) Logged(message string) string {
	for line := range strings.SplitSeq(p.Log(), "\n") {
		var l struct{ Message, Address string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Message == message {
			return l.Address
		}
	}
	return ""
}

// Ready waits until the process says on /readyz that it works.
func (p *Process) Ready(ctx context.Context) error {
	var address string
	select {
	case address = <-p.health:
		p.health <- address // for who asks again
	case <-p.ended:
		return fmt.Errorf("ended before it was ready: %w", p.err)
	case <-ctx.Done():
		return ctx.Err()
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		if ready(ctx, address) {
			return nil
		}
		select {
		case <-poll.C:
		case <-p.ended:
			return fmt.Errorf("ended before it was ready: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		}
	}
}

func ready(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Kill ends the process with SIGKILL and waits for it.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) }

// Stop asks the process to end and waits for it.
func (p *Process) Stop() { p.signal(syscall.SIGTERM) }

func (p *Process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
	<-p.ended
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err is how the process ended; valid once it has.
func (p *Process) Err() error { return p.err }

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }
