package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/topology"
)

// path is where everything is posted, bare or not.
const path = "/bench"

// rig is the receiver that all loads share.
type rig struct {
	receivers *demo.Receivers
	environ   []string
	dir       string
	stop      context.CancelFunc
	work      sync.WaitGroup

	mu  sync.Mutex
	got *arrivals
	// answer is what the receiver does before it answers; nil for nothing.
	answer func(receiver.Received)
}

// arrivals counts distinct verified webhooks of one load.
type arrivals struct {
	seen map[string]time.Time
	bad  int
	want int
	// path is the only one that counts; empty for all.
	path string
	done chan struct{}
}

func openRig(ctx context.Context) (*rig, error) {
	r := &rig{}
	var err error
	if r.receivers, err = demo.OpenReceivers(time.Now, r.receive, func(mailcatcher.Caught) {}); err != nil {
		return nil, err
	}
	if r.dir, err = os.MkdirTemp("", "billhook-bench-"); err != nil {
		return nil, err
	}
	if r.environ, err = r.receivers.Environ(r.dir); err != nil {
		return nil, err
	}
	for i, setting := range r.environ {
		if strings.HasPrefix(setting, "HOST_OVERRIDES=") {
			r.environ[i] += "," + deadHost + "=127.0.0.1:1"
		}
	}
	ctx, r.stop = context.WithCancel(ctx)
	r.work.Go(func() { r.receivers.Run(ctx) })
	return r, nil
}

func (r *rig) close() {
	r.stop()
	r.work.Wait()
	_ = os.RemoveAll(r.dir)
}

func (r *rig) receive(w receiver.Received) {
	r.count(w)
	r.mu.Lock()
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w)
	}
}

// answers sets what the receiver does before it answers.
func (r *rig) answers(f func(receiver.Received)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// count notes an arrival.
func (r *rig) count(w receiver.Received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got == nil || r.got.path != "" && r.got.path != w.Path {
		return
	}
	if w.Verified != nil {
		r.got.bad++
		return
	}
	id := w.Header.Get("webhook-id")
	if _, again := r.got.seen[id]; again {
		return
	}
	r.got.seen[id] = w.At
	if len(r.got.seen) == r.got.want {
		close(r.got.done)
	}
}

// expect starts counting.
func (r *rig) expect(n int) *arrivals { return r.expectAt("", n) }

// expectAt starts counting what comes to a path.
func (r *rig) expectAt(path string, n int) *arrivals {
	a := &arrivals{seen: make(map[string]time.Time, n), want: n, path: path, done: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = a
	return a
}

// bare returns the speed of the bare loop.
func (r *rig) bare(ctx context.Context, connections, n int) (speed, error) {
	raw := make([]byte, 32)
	key := "whsec_" + base64.StdEncoding.EncodeToString(raw)
	if err := r.receivers.Web.Expect(path, key); err != nil {
		return speed{}, err
	}
	a := r.expect(n)
	before := cpuSeconds()
	took, err := bare{
		address: r.receivers.Web.Address(), roots: r.receivers.Roots(), url: "https://" + demo.WebhookHost + path,
		key: raw, connections: connections,
	}.run(ctx, n)
	if err != nil {
		return speed{}, err
	}
	if len(a.seen) != n {
		return speed{}, fmt.Errorf("bare loop: %d of %d verified", len(a.seen), n)
	}
	return speed{rate: float64(n) / took.Seconds(), cpu: (cpuSeconds() - before) / float64(n) * 1000}, nil
}

// app is an all-in-one on an empty store.
type app struct {
	*allinone.App
	dir   string
	stop  context.CancelFunc
	ended chan error
	// password is that of platforms.
	password string
}

// open starts an all-in-one with a configuration.
func (r *rig) open(ctx context.Context, sync, doc string) (*app, error) {
	dir, err := os.MkdirTemp("", "billhook-bench-store-")
	if err != nil {
		return nil, err
	}
	return r.openIn(ctx, dir, sync, doc)
}

// openIn starts an all-in-one in a data folder.
func (r *rig) openIn(ctx context.Context, dir, sync, doc string) (*app, error) {
	cfg, err := allinone.Load(append(r.environ, "NATS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0", "SYNC="+sync))
	if err != nil {
		return nil, err
	}
	a := &app{dir: dir, ended: make(chan error, 1), password: rand.Text()}
	a.App, err = allinone.Open(ctx, cfg, allinone.Place{
		Store: filepath.Join(dir, "nats"), Auth: platforms(a.password), Log: zerolog.New(os.Stderr).Level(zerolog.WarnLevel),
	})
	if err != nil {
		return nil, err
	}
	ctx, a.stop = context.WithCancel(ctx)
	go func() { a.ended <- a.Run(ctx) }()
	select {
	case <-a.Ready():
	case err := <-a.ended:
		return nil, err
	}
	return a, r.configure(ctx, a, doc)
}

// close ends the all-in-one and removes its store.
func (a *app) close() {
	a.end()
	_ = os.RemoveAll(a.dir)
}

// end ends the all-in-one.
func (a *app) end() {
	a.stop()
	if err := <-a.ended; err != nil && !errors.Is(err, context.Canceled) {
		printf("  the all-in-one ended with: %v\n", err)
	}
	a.Close()
}

// fanOut is the configuration with one endpoint and so many subscriptions to
// each event; more are lines that each of them has.
func fanOut(subscriptions int, more string) string {
	var doc strings.Builder
	fmt.Fprintf(&doc, "kind: owner\nid: bench\nname: Bench\ntime_zone: Etc/UTC\n---\nkind: endpoint\nowner: bench\nid: bench\nname: Sink\nurl: https://%s\nin_flight: %d\n",
		demo.WebhookHost, connections)
	for i := range subscriptions {
		fmt.Fprintf(&doc, "---\nkind: subscription\nowner: bench\nid: s%d\nname: s%d\nevents: [invoice.posted]\nchannel: webhook\n%swebhook:\n  endpoint: bench\n  path: %s\n"+
			"  parameters:\n    - {name: id, token: Invoice.Id}\n    - {name: number, token: Invoice.Number}\n    - {name: total, token: Invoice.Total}\n"+
			"    - {name: title, template: \"{{Invoice.Number}} for {{Account.Name}}\"}\n", i, i, more, path)
	}
	return doc.String()
}

// configure applies a configuration, and has the requests of each endpoint
// verified at the path that is its id.
func (r *rig) configure(ctx context.Context, a *app, doc string) error {
	items, err := manifest.Apply(ctx, a.Store(), []byte(doc), manifest.Options{})
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.Issued.Empty() {
			continue
		}
		if err := r.receivers.Web.Expect("/"+item.ID, item.Issued.Reveal()); err != nil {
			return err
		}
	}
	return nil
}

// cpuSeconds is the processor time of this process so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// eventsByDelivery reads from OUTCOMES which event each delivery was of, until
// so many deliveries have an outcome. An endpoint's backlog acknowledges tasks
// before they are delivered, so the last outcomes may come after [app.allSettled].
func (a *app) eventsByDelivery(ctx context.Context, want int) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	out := map[string]string{}
	for next := uint64(1); ; {
		s, err := a.Kit().JetStream.Stream(ctx, topology.Outcomes)
		if err != nil {
			return nil, err
		}
		for ; next <= s.CachedInfo().State.LastSeq; next++ {
			m, err := s.GetMsg(ctx, next)
			if err != nil {
				return nil, err
			}
			all, err := delivery.ReadOutcomes(m.Data)
			if err != nil {
				return nil, err
			}
			for _, o := range all {
				out[o.Delivery.ID] = o.Delivery.EventID
			}
		}
		if len(out) >= want {
			return out, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%d deliveries have an outcome, want %d", len(out), want)
		}
	}
}
