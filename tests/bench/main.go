// Command bench measures the whole way of an event, from INBOX to a receiver
// that checks every signature, and prints each figure as a ratio to a bare
// HTTPS POST loop to the same receiver in the same run. Everything runs in this
// process on two ends of the loopback, so the processor time includes the
// receiver's and the publisher's.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/shared/process"
)

func main() {
	ctx, stop := process.Signals(context.Background())
	runs := flag.Int("runs", 5, "runs of everything; the median is printed")
	scale := flag.Float64("scale", 1, "factor on the number of events")
	profiles := flag.String("cpuprofile", "", "folder that a processor profile of each load is written to, without the bare loop")
	only := flag.String("only", "", "run only the loads and parts whose name begins so")
	flag.Parse()
	debug.SetGCPercent(ownGC)
	run := func(ctx context.Context) error { return bench(ctx, choice{*runs, *scale, *only, *profiles}) }
	if flag.Arg(0) == asPlatform {
		run = platform
	}
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// load is one measured load.
type load struct {
	name   string
	sync   string
	events int
	fanOut int
	// goal is the least ratio to the bare loop.
	goal float64
}

func loads(scale float64) []load {
	n := func(events int) int { return max(int(float64(events)*scale), 500) }
	return []load{
		{"fan-out 1", allinone.SyncInterval, n(50_000), 1, 0.30},
		{"fan-out 10", allinone.SyncInterval, n(5_000), 10, 0.45},
		{"fan-out 1, sync always", allinone.SyncAlways, n(5_000), 1, 0.07},
		{"fan-out 10, sync always", allinone.SyncAlways, n(2_000), 10, 0.20},
	}
}

// The collector's pace, in percent of the heap. The all-in-one has the default
// of its setting GC_PERCENT, which the process frame sets. The bare loop, which
// is as anybody would write it, has Go's; its speed at the all-in-one's pace is
// printed too.
const (
	ownGC  = 400
	bareGC = 100
)

// connections is how many requests are under way at once, in the bare loop
// and at the endpoint.
const connections = 64

// choice is what the command line asks for.
type choice struct {
	runs  int
	scale float64
	only  string
	// profiles is the folder for profiles; empty for none.
	profiles string
}

func (c choice) loads() []load {
	return slices.DeleteFunc(loads(c.scale), func(l load) bool { return !strings.HasPrefix(l.name, c.only) })
}

func bench(ctx context.Context, c choice) error {
	r, err := openRig(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.compare(ctx, c); err != nil {
		return err
	}
	for _, p := range c.parts() {
		if err := p.measure(ctx, r, c); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// compare runs the loads and prints their ratios to the bare loop.
func (r *rig) compare(ctx context.Context, c choice) error {
	if len(c.loads()) == 0 {
		return nil
	}
	results := map[string][]result{}
	var limits, even, costs []float64
	for i := range c.runs {
		printf("run %d of %d\n", i+1, c.runs)
		for _, l := range c.loads() {
			res, err := r.pair(ctx, l, trial{requests: int(50_000 * c.scale), profile: c.profile(l, i)})
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			limits, costs = append(limits, res.bare.rate), append(costs, res.bare.cpu)
			even = append(even, res.even.rate)
			results[l.name] = append(results[l.name], res)
			printf("  %-24s %7.0f/s  %.3f of %.0f/s (%.3f of %.0f/s)  %.3f CPU s per 1,000\n",
				l.name, res.rate, res.ratio(), res.bare.rate, res.rate/res.even.rate, res.even.rate, res.cpu)
		}
	}
	printf("\nmedian of %d runs; bare loop %.0f/s, %.3f CPU s per 1,000; at GC_PERCENT %d %.0f/s\n",
		c.runs, median(limits), median(costs), ownGC, median(even))
	for _, l := range c.loads() {
		ratio := median(pick(results[l.name], result.ratio))
		cpu := median(pick(results[l.name], func(r result) float64 { return r.cpu }))
		rate := median(pick(results[l.name], func(r result) float64 { return r.rate }))
		tuned := median(pick(results[l.name], func(r result) float64 { return r.rate / r.even.rate }))
		printf("  %-24s %7.0f/s  ratio %.3f (goal %.2f; %.3f at GC_PERCENT %d)  %.3f CPU s per 1,000\n",
			l.name, rate, ratio, l.goal, tuned, ownGC, cpu)
	}
	return nil
}

// trial is how a load is run: how many requests each bare loop makes, and the
// file for the load's profile.
type trial struct {
	requests int
	profile  string
}

// pair runs a load between runs of the bare loop, so that all saw the same
// machine.
func (r *rig) pair(ctx context.Context, l load, t trial) (result, error) {
	before, err := r.limits(ctx, t.requests)
	if err != nil {
		return result{}, err
	}
	own, err := r.run(ctx, l, t.profile)
	if err != nil {
		return result{}, err
	}
	after, err := r.limits(ctx, t.requests)
	if err != nil {
		return result{}, err
	}
	return result{own, mean(before[0], after[0]), mean(before[1], after[1])}, nil
}

// limits are the speeds of the bare loop at Go's pace of collection and at the
// all-in-one's.
func (r *rig) limits(ctx context.Context, requests int) (out [2]speed, err error) {
	defer debug.SetGCPercent(ownGC)
	for i, pace := range []int{bareGC, ownGC} {
		debug.SetGCPercent(pace)
		if out[i], err = r.bare(ctx, connections, requests); err != nil {
			return out, err
		}
	}
	return out, nil
}

func mean(a, b speed) speed { return speed{(a.rate + b.rate) / 2, (a.cpu + b.cpu) / 2} }

// speed is deliveries per second, and processor seconds per 1,000 of them.
type speed struct{ rate, cpu float64 }

// result is one run of a load, and the mean of the bare loops around it: bare
// at Go's pace of collection, even at the all-in-one's.
type result struct {
	speed
	bare, even speed
}

func (r result) ratio() float64 { return r.rate / r.bare.rate }

func pick(results []result, f func(result) float64) []float64 {
	out := make([]float64, len(results))
	for i, r := range results {
		out[i] = f(r)
	}
	return out
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v) == 0 {
		return 0
	}
	return v[len(v)/2]
}

func printf(format string, args ...any) { fmt.Fprintf(os.Stdout, format, args...) }
