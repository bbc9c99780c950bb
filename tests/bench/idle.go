package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/streams/topology"
)

// idleOwners share the idle subscriptions.
const idleOwners = 100

// idle prints what 10,000 ordered subscriptions cost that have nothing to do:
// memory, start-up, and how soon after a start the first of them is delivered.
func idle(ctx context.Context, r *rig, c choice) error {
	dir, err := os.MkdirTemp("", "billhook-idle-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bin, err := build(ctx, dir)
	if err != nil {
		return err
	}
	n := max(int(10_000*c.scale), idleOwners)
	data := filepath.Join(dir, "data")
	if err := r.makeIdle(ctx, data, n); err != nil {
		return err
	}
	p, err := start(ctx, bin, data, append(r.environ, "SYNC=interval")...)
	if err != nil {
		return err
	}
	defer p.end()
	got := r.expectAt("/idle0", n/idleOwners)
	began := time.Now().Add(-p.took)
	publish := exec.CommandContext(ctx, bin, "publish", "--owner", "idle0", "--type", "invoice.posted",
		"--account", "A-1", "--set", "Invoice.Id=I-1", "--data", data)
	publish.Env = append(append(os.Environ(), r.environ...), "NATS_URL="+p.nats)
	if text, err := publish.CombinedOutput(); err != nil {
		return fmt.Errorf("publish: %w\n%s", err, text)
	}
	select {
	case <-got.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(3 * time.Minute):
		return fmt.Errorf("%d of %d arrived, %d refused", len(got.seen), got.want, got.bad)
	}
	printf("%d idle ordered subscriptions: ready after %s; an event that was published then at all %d of an owner after %s\n",
		n, p.took.Round(time.Millisecond), got.want, time.Since(began).Round(time.Millisecond))
	return rest(ctx, fmt.Sprintf("%d idle ordered subscriptions", n), p.Process.Pid)
}

// makeIdle makes a data folder with so many ordered subscriptions, all of which
// have been looked at, and prints how long that takes.
func (r *rig) makeIdle(ctx context.Context, data string, n int) error {
	began := time.Now()
	a, err := r.openIn(ctx, data, allinone.SyncInterval, idleOwner(0, n/idleOwners))
	if err != nil {
		return err
	}
	defer a.end()
	for owner := 1; owner < idleOwners; owner++ {
		if err := r.configure(ctx, a, idleOwner(owner, n/idleOwners)); err != nil {
			return err
		}
	}
	made := time.Since(began)
	if err := stored(ctx, a, topology.BucketStream(topology.Series), n); err != nil {
		return err
	}
	printf("  %-24s %d made in %s, at rest %s later\n", "idle", n, made.Round(time.Millisecond), (time.Since(began) - made).Round(time.Millisecond))
	return nil
}

// idleOwner is the configuration of one owner with so many subscriptions.
func idleOwner(owner, subscriptions int) string {
	var doc strings.Builder
	id := fmt.Sprint("idle", owner)
	fmt.Fprintf(&doc, "kind: owner\nid: %s\nname: %[1]s\ntime_zone: Etc/UTC\n---\nkind: endpoint\nowner: %[1]s\nid: %[1]s\nname: %[1]s\nurl: https://%s\n",
		id, demo.WebhookHost)
	for i := range subscriptions {
		fmt.Fprintf(&doc, "---\nkind: subscription\nowner: %s\nid: s%d\nname: s%[2]d\nevents: [invoice.posted]\nchannel: webhook\norder: ordered\n"+
			"webhook: {endpoint: %[1]s, path: /%[1]s}\n", id, i)
	}
	return doc.String()
}
