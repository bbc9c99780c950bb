// Command bench measures the whole way of an event, from INBOX to a receiver
// that checks every signature, and prints each figure as a ratio to a bare
// HTTPS POST loop to the same receiver in the same run. Everything runs in this
// process on two ends of the loopback, so the processor time includes the
// receiver's and the publisher's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/shared/process"
)

func main() {
	ctx, stop := process.Signals(context.Background())
	runs := flag.Int("runs", 5, "runs of everything; the median is printed")
	scale := flag.Float64("scale", 1, "factor on the number of events")
	profile := flag.String("cpuprofile", "", "file that the loads' processor profile is written to")
	only := flag.String("only", "", "run only the loads whose name begins so, and nothing else")
	flag.Parse()
	debug.SetGCPercent(gcPercent)
	err := profiled(*profile, func() error { return bench(ctx, choice{*runs, *scale, *only}) })
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
		{"fan-out 1", allinone.SyncInterval, n(20_000), 1, 0.30},
		{"fan-out 10", allinone.SyncInterval, n(4_000), 10, 0.45},
		{"fan-out 1, sync always", allinone.SyncAlways, n(5_000), 1, 0.07},
		{"fan-out 10, sync always", allinone.SyncAlways, n(2_000), 10, 0.20},
	}
}

// gcPercent is the default of the setting GC_PERCENT, which the process frame
// sets; here it holds for the bare loop too.
const gcPercent = 400

// connections is how many requests are under way at once, in the bare loop
// and at the endpoint.
const connections = 64

// choice is what the command line asks for.
type choice struct {
	runs  int
	scale float64
	only  string
}

func (c choice) loads() []load {
	return slices.DeleteFunc(loads(c.scale), func(l load) bool { return !strings.HasPrefix(l.name, c.only) })
}

// profiled runs do under the processor profiler where a file is named.
func profiled(file string, do func() error) error {
	if file == "" {
		return do()
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

func bench(ctx context.Context, c choice) error {
	r, err := openRig(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	results := map[string][]result{}
	var limits []float64
	for i := range c.runs {
		printf("run %d of %d\n", i+1, c.runs)
		for _, l := range c.loads() {
			res, limit, err := r.pair(ctx, l, int(50_000*c.scale))
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			limits = append(limits, limit)
			results[l.name] = append(results[l.name], res)
			printf("  %-24s %7.0f/s  %.3f of %.0f/s  %.3f CPU s per 1,000\n", l.name, res.rate, res.ratio, limit, res.cpu)
		}
	}
	printf("\nmedian of %d runs; bare loop %.0f/s\n", c.runs, median(limits))
	for _, l := range c.loads() {
		ratio := median(pick(results[l.name], func(r result) float64 { return r.ratio }))
		cpu := median(pick(results[l.name], func(r result) float64 { return r.cpu }))
		rate := median(pick(results[l.name], func(r result) float64 { return r.rate }))
		printf("  %-24s %7.0f/s  ratio %.3f (goal %.2f)  %.3f CPU s per 1,000\n", l.name, rate, ratio, l.goal, cpu)
	}
	if c.only != "" {
		return nil
	}
	if err := r.latency(ctx, time.Duration(float64(20*time.Second)*c.scale)); err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	return atRest(ctx)
}

// pair runs a load between two runs of the bare loop and sets its ratio to
// their mean, so that both saw the same machine.
func (r *rig) pair(ctx context.Context, l load, requests int) (result, float64, error) {
	before, err := r.bareRate(ctx, requests)
	if err != nil {
		return result{}, 0, err
	}
	res, err := r.run(ctx, l)
	if err != nil {
		return result{}, 0, err
	}
	after, err := r.bareRate(ctx, requests)
	if err != nil {
		return result{}, 0, err
	}
	limit := (before + after) / 2
	res.ratio = res.rate / limit
	return res, limit, nil
}

// result is one run of a load: deliveries per second, the ratio to the bare
// loop, and processor seconds per 1,000 deliveries.
type result struct{ rate, ratio, cpu float64 }

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
