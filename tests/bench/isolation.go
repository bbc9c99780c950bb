package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/streams/subject"
)

const (
	// endpoints is how many there are, each of an owner of its own; the first
	// one hangs for hangs before it answers, the next dead ones refuse.
	endpoints = 200
	dead      = 10
	hangs     = 15 * time.Second
	// deadHost is a name that leads to a port where nobody listens.
	deadHost = "dead.acme-telecom.com"
	// perSecond is the fixed rate, in events over all endpoints.
	perSecond = 200
	// window is how long a load runs, before the scale.
	window = 10 * time.Second
	// calm is how long it does before a flood: so long that what comes seldom, a
	// collection say, is in both that are compared.
	calm = time.Minute
)

// crowd is an all-in-one with all these endpoints. Its name begins their ids.
type crowd struct {
	*app
	name string
	// bad is how many of the first endpoints get nothing when they are left
	// out; hang is whether the first one hangs.
	bad  int
	hang bool
	// turn numbers the loads, for the ids of events.
	turn int
}

// crowd opens one whose first endpoints are bad: the first hangs, the others
// are dead.
func (r *rig) crowd(ctx context.Context, name string, bad int) (*crowd, error) {
	var doc strings.Builder
	for i := range endpoints {
		host, id := demo.WebhookHost, owner(name, i)
		if 0 < i && i < bad {
			host = deadHost
		}
		fmt.Fprintf(&doc, "kind: owner\nid: %s\nname: %[1]s\ntime_zone: Etc/UTC\n---\nkind: endpoint\nowner: %[1]s\nid: %[1]s\nname: %[1]s\nurl: https://%s\n"+
			"---\nkind: subscription\nowner: %[1]s\nid: s\nname: s\nevents: [invoice.posted]\nchannel: webhook\nwebhook: {endpoint: %[1]s, path: /%[1]s}\n---\n", id, host)
	}
	a, err := r.open(ctx, allinone.SyncInterval, doc.String())
	if err != nil {
		return nil, err
	}
	return &crowd{app: a, name: name, bad: bad, hang: true}, nil
}

// owner is the name of the n-th owner of a crowd.
func owner(crowd string, n int) string { return fmt.Sprint(crowd, n) }

// event is the n-th event of a load, to an owner.
func event(owner, id string, n int) *nats.Msg {
	return &nats.Msg{Subject: subject.Platform(owner, "invoice.posted"), Header: nats.Header{}, Data: fmt.Appendf(nil,
		`{"id":"%s","time":"2026-11-23T09:30:00Z","account":"A-1","data":{"Invoice.Id":"I-%d","Invoice.Total":"%d.50"}}`, id, n, n)}
}

func (c *crowd) id(n int) string { return fmt.Sprintf("%s_%d_%d", c.name, c.turn, n) }

// times is when events were published and how long they took to arrive.
type times struct {
	mu   sync.Mutex
	sent map[string]time.Time
	took []took
	left chan struct{} // receives when none is left
}

// took is how long an event took that was published then.
type took struct {
	at   time.Time
	time time.Duration
}

func (t *times) send(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent[id] = time.Now()
}

// arrive notes the arrival of an event that is waited for.
func (t *times) arrive(w receiver.Received) {
	_, rest, _ := bytes.Cut(w.Body, []byte(`"id":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.sent[string(id)]; ok && w.Verified == nil {
		delete(t.sent, string(id))
		t.took = append(t.took, took{at, w.At.Sub(at)})
	}
	if len(t.sent) == 0 {
		select {
		case t.left <- struct{}{}:
		default:
		}
	}
}

// steady publishes to the endpoints in turn at the fixed rate, as long as lasts
// says, given how many there were, and returns how long it took to those that
// are healthy. With is whether the bad ones get theirs too.
func (r *rig) steady(ctx context.Context, c *crowd, lasts func(n int) bool, with bool) (*times, error) {
	c.turn++
	t := &times{sent: map[string]time.Time{}, left: make(chan struct{}, 1)}
	r.answers(func(w receiver.Received) {
		if c.hang && w.Path == "/"+c.name+"0" {
			select {
			case <-time.After(hangs):
			case <-ctx.Done():
			}
			return
		}
		t.arrive(w)
	})
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for n := 0; lasts(n); n++ {
		<-tick.C
		of := n % endpoints
		if of < c.bad && !with {
			continue
		}
		id := c.id(n)
		if of >= c.bad {
			t.send(id)
		}
		if _, err := c.Kit().JetStream.PublishMsg(ctx, event(owner(c.name, of), id, n)); err != nil {
			return nil, err
		}
	}
	return t, t.wait()
}

// spread is the median and the 99th percentile of how long events took.
type spread struct{ p50, p99 time.Duration }

func (s spread) String() string {
	return fmt.Sprintf("p99 %s (p50 %s)", s.p99.Round(10*time.Microsecond), s.p50.Round(10*time.Microsecond))
}

// wait waits until nothing is left.
func (t *times) wait() error {
	late := time.After(3 * time.Minute)
	for {
		t.mu.Lock()
		left := len(t.sent)
		t.mu.Unlock()
		if left == 0 {
			break
		}
		select {
		case <-t.left:
		case <-late:
			return fmt.Errorf("%d never arrived", left)
		}
	}
	return nil
}

// spread is how long everything took.
func (t *times) spread() spread { return t.of(func(time.Time) bool { return true }) }

// of is how long those took that were published when the condition holds.
func (t *times) of(published func(at time.Time) bool) spread {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []time.Duration
	for _, k := range t.took {
		if published(k.at) {
			all = append(all, k.time)
		}
	}
	if len(all) == 0 {
		return spread{}
	}
	slices.Sort(all)
	return spread{all[len(all)/2], all[len(all)*99/100]}
}

// healthy is how long everything takes of a steady load.
func (r *rig) healthy(ctx context.Context, c *crowd, lasts func(n int) bool, with bool) (spread, error) {
	t, err := r.steady(ctx, c, lasts, with)
	if err != nil {
		return spread{}, err
	}
	return t.spread(), nil
}

// isolation prints how much longer healthy endpoints take while others hang or
// are dead. The two sides are all-in-ones of their own, so that what bad ones
// leave behind is not in the way of the other side.
func isolation(ctx context.Context, r *rig, c choice) error {
	with, err := r.crowd(ctx, "with", 1+dead)
	if err != nil {
		return err
	}
	defer with.close()
	without, err := r.crowd(ctx, "without", 1+dead)
	if err != nil {
		return err
	}
	defer without.close()
	defer r.answers(nil)
	const pairs = 7
	return compared("isolation", 1.2, pairs, func() (base, loaded spread, err error) {
		if base, err = r.healthy(ctx, without, c.lasting(window), false); err != nil {
			return base, loaded, err
		}
		loaded, err = r.healthy(ctx, with, c.lasting(window), true)
		return base, loaded, err
	})
}

// lasting has a load last that long, before the scale.
func (c choice) lasting(d time.Duration) func(n int) bool {
	return func(n int) bool { return float64(n) < d.Seconds()*c.scale*perSecond }
}

// compared prints the ratios of pairs of times, and their median.
func compared(name string, goal float64, pairs int, pair func() (base, loaded spread, err error)) error {
	var ratios []float64
	for range pairs {
		base, loaded, err := pair()
		if err != nil {
			return err
		}
		ratios = append(ratios, loaded.p99.Seconds()/base.p99.Seconds())
		printf("  %-24s %s, alone %s: %.2f\n", name, loaded, base, ratios[len(ratios)-1])
	}
	printf("%s: p99 at %d/s, median ratio of %d pairs %.2f (goal at most %.1f)\n", name, perSecond, pairs, median(ratios), goal)
	return nil
}

// flood is how much longer the endpoints of others take from the first event of
// a flood of one owner, published in this way, to the arrival of its last.
func flood(how way) part {
	name := "flood, " + string(how)
	return part{name, func(ctx context.Context, r *rig, c choice) error {
		crowd, err := r.crowd(ctx, "flood_"+string(how), 1)
		if err != nil {
			return err
		}
		defer crowd.close()
		defer r.answers(nil)
		crowd.hang = false
		events := int(100_000 * c.scale)
		const pairs = 3
		return compared(name, 1.5, pairs, func() (base, loaded spread, err error) {
			if base, err = r.healthy(ctx, crowd, c.lasting(calm), false); err != nil {
				return base, loaded, err
			}
			loaded, err = r.flooded(ctx, crowd, events, how)
			return base, loaded, err
		})
	}}
}

// flooded is steady as long as a flood lasts.
func (r *rig) flooded(ctx context.Context, c *crowd, events int, how way) (spread, error) {
	const most = 15 * time.Minute
	got := r.expectAt(fmt.Sprint("/", c.name, "0"), events)
	name, began := c.id(0), time.Now()
	published := make(chan error, 1)
	var end time.Time
	go func() {
		err := c.flood(ctx, name, events, how)
		end = time.Now()
		published <- err
	}()
	t, err := r.steady(ctx, c, func(int) bool {
		select {
		case <-got.done:
			return false
		default:
			return time.Since(began) < most
		}
	}, false)
	if err := errors.Join(err, <-published); err != nil {
		return spread{}, err
	}
	if len(got.seen) < events {
		return spread{}, fmt.Errorf("%d of %d of the flood arrived", len(got.seen), events)
	}
	printf("  %-24s %d events in %s, published within %s; meanwhile %s, then %s\n", "", events,
		time.Since(began).Round(10*time.Millisecond), end.Sub(began).Round(10*time.Millisecond), t.of(end.After), t.of(end.Before))
	return t.spread(), nil
}
