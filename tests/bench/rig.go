package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
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
}

// arrivals counts distinct verified webhooks of one load.
type arrivals struct {
	seen map[string]time.Time
	bad  int
	want int
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
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got == nil {
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
func (r *rig) expect(n int) *arrivals {
	a := &arrivals{seen: make(map[string]time.Time, n), want: n, done: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = a
	return a
}

// bareRate returns the requests per second of the bare loop.
func (r *rig) bareRate(ctx context.Context, n int) (float64, error) {
	raw := make([]byte, 32)
	key := "whsec_" + base64.StdEncoding.EncodeToString(raw)
	if err := r.receivers.Web.Expect(path, key); err != nil {
		return 0, err
	}
	a := r.expect(n)
	took, err := bare{
		address: r.receivers.Web.Address(), roots: r.receivers.Roots(), url: "https://" + demo.WebhookHost + path,
		key: raw, connections: connections,
	}.run(ctx, n)
	if err != nil {
		return 0, err
	}
	if len(a.seen) != n {
		return 0, fmt.Errorf("bare loop: %d of %d verified", len(a.seen), n)
	}
	return float64(n) / took.Seconds(), nil
}

// app is an all-in-one on an empty store.
type app struct {
	*allinone.App
	dir   string
	stop  context.CancelFunc
	ended chan error
}

func (r *rig) open(ctx context.Context, sync string, fanOut int) (*app, error) {
	dir, err := os.MkdirTemp("", "billhook-bench-store-")
	if err != nil {
		return nil, err
	}
	cfg, err := allinone.Load(append(r.environ, "NATS_ADDR=off", "HTTP_ADDR=127.0.0.1:0", "SYNC="+sync))
	if err != nil {
		return nil, err
	}
	a := &app{dir: dir, ended: make(chan error, 1)}
	a.App, err = allinone.Open(ctx, cfg, allinone.Place{Store: filepath.Join(dir, "nats"), Log: zerolog.New(os.Stderr).Level(zerolog.WarnLevel)})
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
	return a, r.configure(ctx, a, fanOut)
}

func (a *app) close() {
	a.stop()
	if err := <-a.ended; err != nil && !errors.Is(err, context.Canceled) {
		printf("  the all-in-one ended with: %v\n", err)
	}
	a.Close()
	_ = os.RemoveAll(a.dir)
}

// configure makes one endpoint and a subscription for each copy of an event.
func (r *rig) configure(ctx context.Context, a *app, fanOut int) error {
	var doc strings.Builder
	fmt.Fprintf(&doc, "kind: owner\nid: bench\nname: Bench\ntime_zone: Etc/UTC\n---\nkind: endpoint\nowner: bench\nid: sink\nname: Sink\nurl: https://%s\nin_flight: %d\n",
		demo.WebhookHost, connections)
	for i := range fanOut {
		fmt.Fprintf(&doc, "---\nkind: subscription\nowner: bench\nid: s%d\nname: s%d\nevents: [invoice.posted]\nchannel: webhook\nwebhook:\n  endpoint: sink\n  path: %s\n"+
			"  parameters:\n    - {name: id, token: Invoice.Id}\n    - {name: number, token: Invoice.Number}\n    - {name: total, token: Invoice.Total}\n"+
			"    - {name: title, template: \"{{Invoice.Number}} for {{Account.Name}}\"}\n", i, i, path)
	}
	items, err := manifest.Apply(ctx, a.Store(), []byte(doc.String()), manifest.Options{})
	if err != nil {
		return err
	}
	for _, item := range items {
		if !item.Issued.Empty() {
			return r.receivers.Web.Expect(path, item.Issued.Reveal())
		}
	}
	return fmt.Errorf("no signing secret was issued")
}

// run measures one load from the first publish to the last arrival.
func (r *rig) run(ctx context.Context, l load) (result, error) {
	a, err := r.open(ctx, l.sync, l.fanOut)
	if err != nil {
		return result{}, err
	}
	defer a.close()
	if err := settled(ctx, a, l.fanOut); err != nil {
		return result{}, err
	}
	want := l.events * l.fanOut
	got := r.expect(want)
	before, began := cpuSeconds(), time.Now()
	if err := publish(ctx, a, l.events); err != nil {
		return result{}, err
	}
	select {
	case <-got.done:
	case <-time.After(3 * time.Minute):
		return result{}, fmt.Errorf("%d of %d arrived, %d refused", len(got.seen), want, got.bad)
	}
	took := time.Since(began)
	if err := outcomes(ctx, a, want); err != nil {
		return result{}, err
	}
	return result{rate: float64(want) / took.Seconds(), cpu: (cpuSeconds() - before) / float64(want) * 1000}, nil
}

// settled waits until the configuration has reached the services.
func settled(ctx context.Context, a *app, fanOut int) error {
	changed, end := a.Kit().Directory.Changes()
	defer end()
	for len(a.Kit().Directory.Owner("bench").Subscriptions) < fanOut {
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// publish stores n events in INBOX, in batches as a busy platform would.
func publish(ctx context.Context, a *app, n int) error {
	const batch = 500
	for from := 0; from < n; from += batch {
		msgs := make([]*nats.Msg, 0, batch)
		for i := from; i < min(from+batch, n); i++ {
			msgs = append(msgs, message(i))
		}
		if _, err := jetstreamext.PublishMsgBatch(ctx, a.Kit().JetStream, msgs); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	return nil
}

func message(i int) *nats.Msg {
	return &nats.Msg{Subject: subject.Platform("bench", "invoice.posted"), Header: nats.Header{}, Data: fmt.Appendf(nil,
		`{"id":"evt_%d","time":"2026-11-23T09:30:00Z","account":"A-%d","data":{"Invoice.Id":"I-%d","Invoice.Number":"INV-%d",`+
			`"Invoice.Total":"%d.50","Invoice.Currency":"EUR","Account.Name":"Northwind %d"}}`, i, i%1000, i, i, i, i%1000)}
}

// outcomes waits until every outcome is recorded.
func outcomes(ctx context.Context, a *app, want int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := a.Kit().JetStream.Stream(ctx, topology.Outcomes)
		if err != nil {
			return err
		}
		if int(s.CachedInfo().State.Msgs) >= want {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cpuSeconds is the processor time of this process so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// eventsByDelivery reads from OUTCOMES which event each delivery was of.
func (a *app) eventsByDelivery(ctx context.Context) (map[string]string, error) {
	js := a.Kit().JetStream
	s, err := js.Stream(ctx, topology.Outcomes)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if err != nil {
			return nil, err
		}
		var o delivery.Outcome
		if err := json.Unmarshal(m.Data, &o); err != nil {
			return nil, err
		}
		out[o.Delivery.ID] = o.Delivery.EventID
	}
	return out, nil
}
