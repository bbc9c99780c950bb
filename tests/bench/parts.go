package main

import (
	"context"
	"slices"
	"strings"
	"time"
)

// part is a measurement that is no load.
type part struct {
	name    string
	measure func(context.Context, *rig, choice) error
}

func (c choice) parts() []part {
	all := []part{
		{"latency", func(ctx context.Context, r *rig, c choice) error {
			return r.latency(ctx, time.Duration(float64(20*time.Second)*c.scale))
		}},
		{"at rest", func(ctx context.Context, _ *rig, _ choice) error { return atRest(ctx) }},
	}
	for _, l := range lines(c.scale) {
		all = append(all, part{l.name, l.measure})
	}
	all = append(all, part{"isolation", isolation}, flood(single), flood(batches), flood(unanswered), part{"idle", idle})
	return slices.DeleteFunc(all, func(p part) bool { return !strings.HasPrefix(p.name, c.only) })
}
