package main

import (
	"context"
	"fmt"
	"time"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/streams/topology"
)

// line is a load of ordered subscriptions, each of which delivers one after
// another, to a receiver that answers in 1 ms.
type line struct {
	name                  string
	subscriptions, events int
	// clients are the connections of the bare loop: one for the pace of a
	// single line.
	clients int
	// goal is the least ratio to the bare loop; 0 for none.
	goal float64
}

func lines(scale float64) []line {
	n := func(events int) int { return max(int(float64(events)*scale), 5) }
	return []line{
		{"ordered 1", 1, n(4000), 1, 0.5},
		{"ordered 100", 100, n(300), connections, 0},
		{"ordered 1000", 1000, n(30), connections, 0},
	}
}

// measure prints the median ratio of the line to the bare loop around it.
func (l line) measure(ctx context.Context, r *rig, c choice) error {
	r.answers(func(receiver.Received) { <-time.After(time.Millisecond) })
	defer r.answers(nil)
	var results []result
	for range c.runs {
		before, err := r.bare(ctx, l.clients, l.events*l.subscriptions)
		if err != nil {
			return err
		}
		own, err := l.run(ctx, r)
		if err != nil {
			return err
		}
		after, err := r.bare(ctx, l.clients, l.events*l.subscriptions)
		if err != nil {
			return err
		}
		results = append(results, result{speed: own, bare: mean(before, after)})
		res := results[len(results)-1]
		printf("  %-24s %7.0f/s  %.3f of %.0f/s with %d connections  %.3f CPU s per 1,000\n", l.name, res.rate, res.ratio(),
			res.bare.rate, l.clients, res.cpu)
	}
	goal := ""
	if l.goal > 0 {
		goal = fmt.Sprintf(" (goal %.2f)", l.goal)
	}
	printf("%s: median ratio %.3f%s\n", l.name, median(pick(results, result.ratio)), goal)
	return nil
}

// run measures the line on an empty store, once its subscriptions are at rest.
func (l line) run(ctx context.Context, r *rig) (speed, error) {
	a, err := r.open(ctx, allinone.SyncInterval, fanOut(l.subscriptions, "order: ordered\n"))
	if err != nil {
		return speed{}, err
	}
	defer a.close()
	if err := stored(ctx, a, topology.BucketStream(topology.Series), l.subscriptions); err != nil {
		return speed{}, err
	}
	want := l.events * l.subscriptions
	before := cpuSeconds()
	took, err := r.drive(ctx, a, l.events, want)
	if err != nil {
		return speed{}, err
	}
	// Beside the outcomes, each holder has noted its claim.
	if err := stored(ctx, a, topology.Outcomes, want+l.subscriptions); err != nil {
		return speed{}, err
	}
	return speed{rate: float64(want) / took.Seconds(), cpu: (cpuSeconds() - before) / float64(want) * 1000}, nil
}
