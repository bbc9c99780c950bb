// Package acceptance plays the same scenarios against the two ways in which
// the product is run: all in one, and as separate processes of every service
// with their restricted NATS users. It sees only what an operator, a platform
// and a subscriber see.
package acceptance_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/tests/harness"
)

// world is a running product with its receivers.
type world struct {
	receivers *demo.Receivers
	board     *demo.Board
	// arrived receives after arrivals.
	arrived chan struct{}
	bin     harness.Binaries
	// environ is what the command line needs to reach the product as operator.
	environ []string
	data    string
	// js is the operator's connection.
	js jetstream.JetStream
	// http is where events are published, api where the management API is, queues
	// where queues are read.
	http, api, queues string
}

// begin runs the product for a world with settings that lead to its receivers.
type begin func(t testing.TB, w *world, development []string)

// noted is what is done with arrivals.
type noted struct {
	web  func(receiver.Received)
	mail func(mailcatcher.Caught)
}

// open starts the receivers, whose arrivals go to the board, and has start run
// the product.
func open(t testing.TB, b *harness.Builder, start begin) *world {
	t.Helper()
	w := &world{arrived: make(chan struct{}, 1), bin: b.Build(t), data: t.TempDir()}
	w.receive(t, start, noted{
		func(r receiver.Received) { _, _ = w.board.Webhook(r); w.wake() },
		func(c mailcatcher.Caught) { _, _ = w.board.Email(c); w.wake() },
	})
	return w
}

// receive starts the receivers and has start run the product.
func (w *world) receive(t testing.TB, start begin, n noted) {
	t.Helper()
	var err error
	w.receivers, err = demo.OpenReceivers(time.Now, n.web, n.mail)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { defer close(served); w.receivers.Run(ctx) }()
	t.Cleanup(func() { stop(); <-served })
	development, err := w.receivers.Environ(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	start(t, w, development)
}

func (w *world) wake() {
	select {
	case w.arrived <- struct{}{}:
	default:
	}
}

// until waits for a condition that arrivals bring about.
func (w *world) until(t testing.TB, what string, done func() bool) {
	t.Helper()
	late := time.After(3 * time.Minute)
	for !done() {
		select {
		case <-w.arrived:
		case <-late:
			t.Fatalf("waited 3 minutes for %s; missing: %v; strange: %v", what, w.board.Missing(), w.board.Strange())
		}
	}
}

// allInOne runs "billhook up".
func allInOne(t testing.TB, w *world, development []string) {
	cmd := exec.Command(w.bin.Path("billhook"), "up", "--data", w.data)
	cmd.Env = append(append(os.Environ(), development...), "NATS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0", "SYNC=interval")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of billhook up:\n%s", log.String())
		}
	})
	url := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "NATS":
			url = strings.TrimSpace(rest)
		case "HTTP":
			w.http = strings.TrimSpace(rest)
			w.api, w.queues = w.http, w.http
		case "Ready.":
			go func() { _, _ = io.Copy(io.Discard, out) }()
			w.environ = []string{"NATS_URL=" + url}
			for _, kv := range development {
				if strings.HasPrefix(kv, "SECRET_KEY=") {
					w.environ = append(w.environ, kv)
				}
			}
			w.connect(t, url)
			return
		}
	}
	t.Fatalf("billhook up ended before it was ready:\n%s", log.String())
}

// connect opens the operator's connection to an all-in-one.
func (w *world) connect(t testing.TB, url string) {
	t.Helper()
	password, err := os.ReadFile(w.data + "/operator.password")
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(url, nats.UserInfo("operator", strings.TrimSpace(string(password))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if w.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
}

// apart runs every service as a process of its own against a NATS server with
// the users of production.
func apart(t testing.TB, w *world, development []string) {
	server := harness.Broker(t, demo.Owner)
	w.environ = append(harness.Env(server, permission.Operator), development...)
	w.js = server.JetStream(t, permissiontest.As(permission.Operator)...)
	w.run(t, "", "setup")
	running := map[string]*harness.Process{}
	for _, s := range harness.Services() {
		env := append(harness.Env(server, s), development...)
		running[s] = harness.Run(t, harness.Start{Path: w.bin.Path(s), Env: env})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for name, p := range running {
		if err := p.Ready(ctx); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, p.Log())
		}
		if denied := p.Log(); strings.Contains(denied, "permissions violation") {
			t.Errorf("%s was denied something that it needs:\n%s", name, denied)
		}
	}
	w.http = "http://" + running["ingest"].Logged("events are taken in over http")
	w.api = "http://" + running["console"].Logged("the management api is served over http")
	w.queues = "http://" + running["queue"].Logged("event queues are read over http")
	t.Cleanup(func() {
		for name, p := range running {
			if log := p.Log(); strings.Contains(strings.ToLower(log), "permissions violation") {
				t.Errorf("%s was denied something that it needs:\n%s", name, log)
			}
		}
	})
}

// run runs the command line and returns what it printed.
func (w *world) run(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, status := w.try(t, stdin, args...)
	if status != 0 {
		t.Fatalf("billhook %s: status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// try runs the command line and returns what it printed, and its status.
func (w *world) try(t testing.TB, stdin string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.bin.Path("billhook"), append(args, "--data", w.data)...)
	cmd.Env = append(os.Environ(), w.environ...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(fmt.Errorf("run billhook: %w", err))
	}
	return string(out), cmd.ProcessState.ExitCode()
}
