package command_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/billhook/internal/command"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/permission"
)

func TestMain(m *testing.M) {
	testscript.Main(unleaked{m}, map[string]func(){"billhook": func() {
		ctx, stop := process.Signals(context.Background())
		defer stop()
		os.Exit(command.Execute(ctx, command.World{
			Args: os.Args[1:], Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		}))
	}})
}

// unleaked runs the tests and then looks for goroutines that are left.
type unleaked struct{ *testing.M }

func (u unleaked) Run() int {
	status := u.M.Run()
	if err := goleak.Find(); err != nil && status == 0 {
		_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
		return 1
	}
	return status
}

func TestScripts(t *testing.T) {
	if testing.Short() { // each line is a process: under the race detector they take minutes
		t.Skip("drives processes")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NATS_ADDR", "127.0.0.1:0")
			e.Setenv("HTTP_ADDR", "127.0.0.1:0")
			e.Setenv("SYNC", "interval")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"up": upInScript, "status": statusInScript, "await": awaitInScript},
	})
}

// statusInScript implements "status N COMMAND...": it runs a command that must
// end with an exit status.
func statusInScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// awaitInScript implements "await PATTERN COMMAND...": it runs a command until
// what that prints matches a pattern, at most for a while. Named groups of the
// pattern become variables.
func awaitInScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN COMMAND...")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	for end := time.Now().Add(time.Minute); ; {
		ts.Check(ts.Exec(args[1], args[2:]...))
		out := ts.ReadFile("stdout")
		if found := pattern.FindStringSubmatch(out); found != nil {
			for i, name := range pattern.SubexpNames() {
				if name != "" {
					ts.Setenv(name, found[i])
				}
			}
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q does not match:\n%s", args[0], out)
		}
	}
}

// upInScript implements "up FOLDER": it runs "billhook up" until the script
// ends, and sets NATS_URL and, as host:port, NATS_AT and HTTP_AT once it works.
func upInScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: up FOLDER")
	}
	path, err := exec.LookPath("billhook")
	ts.Check(err)
	cmd := exec.Command(path, "up", "--data", ts.MkAbs(args[0]))
	for _, name := range []string{"PATH", "HOME", "NATS_ADDR", "HTTP_ADDR", "SYNC"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	var log bytes.Buffer
	cmd.Stderr = &log
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	at, err := awaitReady(out)
	if err != nil {
		ts.Fatalf("up: %v\n%s", err, log.String())
	}
	ts.Setenv("NATS_URL", at.nats)
	ts.Setenv("NATS_AT", strings.TrimPrefix(at.nats, "nats://"))
	ts.Setenv("HTTP_AT", strings.TrimPrefix(at.http, "http://"))
}

// addresses are where a running all-in-one is.
type addresses struct{ nats, http string }

// awaitReady reads what "billhook up" prints until it is ready.
func awaitReady(out io.Reader) (addresses, error) {
	var at addresses
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "NATS":
			at.nats = strings.TrimSpace(rest)
		case "HTTP":
			at.http = strings.TrimSpace(rest)
		case "Ready.":
			return at, nil
		}
	}
	return at, errors.New("ended before it was ready")
}

// transcript gathers what a program writes.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Len returns how much was written.
func (b *transcript) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Len()
}

// Redact takes the first occurrence of text behind a place out.
func (b *transcript) Redact(from int, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.text.String()
	b.text.Reset()
	b.text.WriteString(all[:from] + strings.Replace(all[from:], text, "(shown once)", 1))
}

// app is "billhook up" in this process, with its data folder.
type app struct {
	addresses
	data    string
	environ []string
	printed transcript // everything that up and the commands have written
	stop    func()
}

// start runs "billhook up" with settings until the test ends.
func start(t *testing.T, settings ...string) *app {
	t.Helper()
	a := &app{data: filepath.Join(t.TempDir(), "data")}
	a.environ = append([]string{"NATS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0", "SYNC=interval"}, settings...)
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- command.Execute(ctx, command.World{
			Args: []string{"up", "--data", a.data}, Environ: a.environ, Out: in, Err: &a.printed,
		})
		_ = in.Close()
	}()
	a.stop = sync.OnceFunc(func() {
		cancel()
		if status := <-ended; status != 0 {
			t.Errorf("up ended with status %d:\n%s", status, a.printed.String())
		}
	})
	t.Cleanup(a.stop)
	var err error
	if a.addresses, err = awaitReady(io.TeeReader(out, &a.printed)); err != nil {
		t.Fatalf("%v:\n%s", err, a.printed.String())
	}
	return a
}

// run runs one command on the app; it returns the status and what was printed.
func (a *app) run(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	var printed transcript
	status := command.Execute(t.Context(), command.World{
		Args: append(args, "--data", a.data), Environ: append(a.environ, "NATS_URL="+a.nats),
		In: strings.NewReader(stdin), Out: &printed, Err: &printed,
	})
	_, _ = io.WriteString(&a.printed, printed.String())
	return status, printed.String()
}

// must runs one command that must succeed.
func (a *app) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	status, out := a.run(t, stdin, args...)
	if status != 0 {
		t.Fatalf("billhook %s: status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// login connects to the app's NATS server.
func (a *app) login(t *testing.T, user, password string) (*nats.Conn, error) {
	t.Helper()
	opts := []nats.Option{nats.UserInfo(user, password), nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}
	if id.Valid(user) {
		opts = append(opts, nats.CustomInboxPrefix(permission.InboxPrefix(user)))
	}
	nc, err := nats.Connect(a.nats, opts...)
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}
