package matcher

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
)

// Events flow while subscriptions are created, changed and deleted, and while
// the matcher is killed at its fault points and in between. In the end each
// subscription has, once, every event that its versions' ranges say.
func TestEveryVersionGetsItsRangeOnceThroughCrashes(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	var aside atomic.Int64
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			c := &chaos{bench: start(t), aside: &aside, rnd: rand.New(rand.NewPCG(uint64(seed), 1)), subs: map[string]*subscription.Subscription{}}
			for range 10 {
				c.round(t)
			}
			c.bench.run(t, none)
			c.judge(t, c.bench.await(t, c.complete))
		})
	}
	t.Logf("owners were set aside %d times", aside.Load())
	if !testing.Short() && aside.Load() == 0 { // the few seeds of a short run may well have none
		t.Error("no owner was ever set aside")
	}
}

var (
	owners = []string{"acme", "beta", "gamma"}
	types  = []string{"sim.dormant", "refund.processed", "invoice.posted"}
)

// chaos is one run, with all that a judge must know.
type chaos struct {
	*bench
	// aside counts how often an owner was set aside.
	aside *atomic.Int64
	rnd   *rand.Rand
	log   []*logged
	subs  map[string]*subscription.Subscription // by owner and id
}

// logged is an event of the log.
type logged struct {
	owner, eventType string
	seq              uint64
}

// round runs one instance, makes things happen, and kills it.
func (c *chaos) round(t *testing.T) {
	points := int64(c.rnd.IntN(8))
	var left atomic.Int64
	left.Store(points)
	i := c.run(t, func(i *instance, point string) {
		if point == cursor.FaultAside {
			c.aside.Add(1)
		}
		if left.Add(-1) < 0 {
			i.crash()
		}
	})
	for range 5 + c.rnd.IntN(40) {
		c.act(t)
	}
	select {
	case <-i.dead:
	case <-time.After(time.Duration(c.rnd.IntN(30)) * time.Millisecond):
		i.crash()
	}
	<-i.done
	c.free(t)
}

// act accepts an event, or changes a subscription at the present moment, or at
// one that is over when the change is stored.
func (c *chaos) act(t *testing.T) {
	owner := owners[c.rnd.IntN(len(owners))]
	if c.rnd.IntN(4) > 0 {
		c.accepted(t, owner)
		return
	}
	moment := subscription.Moment{Seq: c.last(t), At: time.Now()}
	for range c.rnd.IntN(4) {
		c.accepted(t, owner)
	}
	id := fmt.Sprintf("s%d", c.rnd.IntN(5))
	c.subs[owner+"."+id] = c.change(t, owner, id, func(s *subscription.Subscription) error {
		if n := len(s.Versions); n > 0 {
			moment.Seq = max(moment.Seq, s.Versions[n-1].FromSeq)
		}
		if c.rnd.IntN(5) == 0 && len(s.Versions) > 0 {
			s.Delete(moment)
			return nil
		}
		return s.Revise(webhook(id, types[:1+c.rnd.IntN(len(types))]...), moment)
	})
}

func (c *chaos) accepted(t *testing.T, owner string) {
	e := event.Event{Owner: owner, Type: types[c.rnd.IntN(len(types))]}
	c.log = append(c.log, &logged{owner, e.Type, c.accept(t, e)})
}

// key names a delivery.
type key struct {
	subscription string // by owner and id
	seq          uint64
}

// due is the model: what each version's range says.
func (c *chaos) due() map[key]int {
	out := map[key]int{}
	for name, s := range c.subs {
		for _, e := range c.log {
			if v, ok := s.VersionAt(e.seq); ok && wants(v, name, e) {
				out[key{name, e.seq}] = v.Revision
			}
		}
	}
	return out
}

func wants(v *subscription.Version, name string, e *logged) bool {
	if e.owner != name[:len(e.owner)] {
		return false
	}
	for _, t := range v.Spec.Events {
		if t == e.eventType {
			return true
		}
	}
	return false
}

func (c *chaos) complete(all []stored) bool {
	have := map[key]bool{}
	for _, s := range all {
		have[key{s.Owner + "." + s.Subscription, s.EventSeq}] = true
	}
	for k := range c.due() {
		if !have[k] {
			return false
		}
	}
	return true
}

// judge finds what is doubled and what nobody asked for. A matcher that had
// not heard of a change gives an event to the version before; that stands, and
// the sender sees by the revision and the range what to make of it.
func (c *chaos) judge(t *testing.T, all []stored) {
	t.Helper()
	due, times := c.due(), map[key]int{}
	for _, s := range all {
		k := key{s.Owner + "." + s.Subscription, s.EventSeq}
		if times[k]++; times[k] > 1 {
			t.Errorf("%v was delivered %d times", k, times[k])
		}
		if revision, ok := due[k]; ok && s.Revision == revision {
			continue
		}
		sub := c.subs[k.subscription]
		former, ok := sub.Numbered(s.Revision)
		if !ok || former.Open() || k.seq <= former.UntilSeq || k.seq <= former.FromSeq {
			t.Errorf("%v was delivered for revision %d", k, s.Revision)
		}
	}
	t.Logf("%d events, %d due, %d delivered", len(c.log), len(due), len(all))
}
