package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billhook/billhook/services/billhook/allinone"
)

// latency publishes 50 events a second for a while and prints how long each
// took from publish to arrival.
func (r *rig) latency(ctx context.Context, during time.Duration) error {
	a, err := r.open(ctx, allinone.SyncInterval, fanOut(1, ""))
	if err != nil {
		return err
	}
	defer a.close()
	if err := settled(ctx, a, 1); err != nil {
		return err
	}
	const perSecond = 50
	n := max(int(during.Seconds()*perSecond), 100)
	got := r.expect(n)
	published := map[string]time.Time{}
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		published[fmt.Sprintf("evt_%d", i)] = time.Now()
		if _, err := a.Kit().JetStream.PublishMsg(ctx, message(i)); err != nil {
			return err
		}
	}
	select {
	case <-got.done:
	case <-time.After(time.Minute):
		return fmt.Errorf("%d of %d arrived", len(got.seen), n)
	}
	if err := a.allSettled(ctx); err != nil {
		return err
	}
	events, err := a.eventsByDelivery(ctx, n)
	if err != nil {
		return err
	}
	var took []time.Duration
	for id, at := range got.seen {
		from, ok := published[events[id]]
		if !ok {
			return fmt.Errorf("no outcome tells the event of delivery %s", id)
		}
		took = append(took, at.Sub(from))
	}
	slices.Sort(took)
	printf("latency at %d/s: p50 %s (goal 3 ms), p99 %s (goal 12 ms), max %s\n", perSecond,
		took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
	return nil
}

// atRest starts the program on an empty data folder and looks at it from
// outside: time to ready, memory and processor time while nothing happens.
func atRest(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "billhook-rest-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bin, err := build(ctx, dir)
	if err != nil {
		return err
	}
	var starts []time.Duration
	for i := range 5 {
		p, err := start(ctx, bin, filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			return err
		}
		starts = append(starts, p.took)
		if i == 4 {
			if err := rest(ctx, "at rest", p.Process.Pid); err != nil {
				return err
			}
		}
		p.end()
	}
	slices.Sort(starts)
	printf("start to ready, empty store, sync always: median %s of 5 (goal 1 s)\n", starts[2].Round(time.Millisecond))
	return nil
}

// build builds the program into a folder.
func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "billhook")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, "github.com/billhook/billhook/services/billhook/cmd/billhook")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, text)
	}
	return bin, nil
}

// running is a started program: how long it took to be ready, and the address
// of its NATS server.
type running struct {
	*exec.Cmd
	took time.Duration
	nats string
}

// end stops the program.
func (p *running) end() {
	_ = p.Process.Signal(os.Interrupt)
	_ = p.Wait()
}

// start starts the program on a data folder and returns when it says that it is
// ready.
func start(ctx context.Context, bin, data string, settings ...string) (*running, error) {
	began := time.Now()
	cmd := exec.CommandContext(ctx, bin, "up", "--data", data)
	p := &running{Cmd: cmd}
	cmd.Env = append(append(os.Environ(), "NATS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0"), settings...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if name, rest, _ := strings.Cut(lines.Text(), " "); name == "NATS" {
			p.nats = strings.TrimSpace(rest)
		} else if strings.HasPrefix(name, "Ready") {
			p.took = time.Since(began)
			return p, nil
		}
	}
	return nil, fmt.Errorf("up ended before it was ready: %w", cmd.Wait())
}

// rest prints what a process uses over 20 quiet seconds.
func rest(ctx context.Context, what string, pid int) error {
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	wait(5 * time.Second) // what starting left to do
	before, err := ticks(pid)
	if err != nil {
		return err
	}
	const quiet = 20 * time.Second
	wait(quiet)
	after, err := ticks(pid)
	if err != nil {
		return err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err
	}
	_, rss, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rss)[0])
	if err != nil {
		return err
	}
	const perSecond = 100 // clock ticks, as Linux reports to every process
	printf("%s: %.1f MiB resident (goal 120), %.2f %% of a core (goal 2)\n",
		what, float64(kib)/1024, float64(after-before)/perSecond/quiet.Seconds()*100)
	return nil
}

// ticks is the processor time of a process in clock ticks.
func ticks(pid int) (int, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return user + system, err
}
