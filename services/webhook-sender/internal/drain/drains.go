// Package drain works off the backlogs of endpoints: one instance at a time for
// each, by a lease, through the same lanes as all other deliveries. Where the
// endpoint is open it makes the probe. A crash repeats at most what was under
// way: what is delivered is on record, and how far all is delivered is stored
// page by page. What nears the end of its retention is parked.
package drain

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/services/webhook-sender/internal/send"
	"github.com/billhook/billhook/shared/places"
	"github.com/billhook/billhook/streams/backlog"
	"github.com/billhook/billhook/streams/lease"
	"github.com/billhook/billhook/streams/permission"
)

// Sender delivers what waited.
type Sender interface {
	// Deliver sends, GiveUp parks; both call ended once.
	Deliver(ctx context.Context, w *backlog.Waiting, ended func(send.End))
	GiveUp(ctx context.Context, w *backlog.Waiting, ended func(send.End))
	// Leads returns the endpoint of a delivery, empty for none.
	Leads(w *backlog.Waiting) string
}

// Settings are the parts of the drains.
type Settings struct {
	JetStream jetstream.JetStream
	Gate      *gate.Gate
	Backlog   *backlog.Reader
	Sender    Sender
	Directory *directory.Directory
	// Partitions is the number in the streams' metadata; Holder names this
	// instance, Lease is how long its work waits for another when it died.
	Partitions int
	Holder     string
	Lease      time.Duration
	// Drain bounds how long what is under way may take at the end.
	Drain time.Duration
	// Most is how many backlogs are worked off at a time.
	Most int
	Now  func() time.Time
	Log  zerolog.Logger
}

const (
	// lookEvery is how often an endpoint is looked at that nothing brings back.
	lookEvery = 5 * time.Minute
	// failedPause is the wait after a look that failed.
	failedPause = time.Second
	// turn is how long deliveries are made while others wait for the place: long
	// enough for what is read before the first of them, the outcomes since then.
	turn = 10 * time.Second
)

// Drains works off backlogs.
type Drains struct {
	Settings
	// running are at work; true where something new came meanwhile.
	running map[gate.Key]bool
	// resting is when an endpoint is looked at again that has not changed.
	resting map[gate.Key]rest
	ended   chan ended
	// crowded is true while endpoints wait for a place.
	crowded atomic.Bool
}

type rest struct {
	mark  mark
	until time.Time
}

// mark tells whether an endpoint stands where it stood.
type mark struct {
	phase        breaker.Phase
	since, probe time.Time
}

func markOf(s breaker.State) mark { return mark{s.Phase, s.Since, s.Probe} }

type ended struct {
	key  gate.Key
	rest rest
}

// New returns drains that do nothing until [Drains.Run].
func New(s Settings) *Drains {
	return &Drains{Settings: s, running: map[gate.Key]bool{}, resting: map[gate.Key]rest{}, ended: make(chan ended)}
}

// Run works until ctx ends and what was under way has ended.
func (d *Drains) Run(ctx context.Context) {
	changes, end := d.Directory.Changes()
	defer end()
	var work sync.WaitGroup
	for ctx.Err() == nil {
		timer := time.NewTimer(d.begin(ctx, &work))
		select {
		case <-ctx.Done():
		case <-changes:
		case <-d.Gate.Changed():
		case e := <-d.ended:
			d.end(e)
		case <-timer.C:
		}
		timer.Stop()
	}
	for len(d.running) > 0 {
		d.end(<-d.ended)
	}
	work.Wait()
}

func (d *Drains) end(e ended) {
	if again := d.running[e.key]; again {
		e.rest = rest{until: d.Now()}
	}
	delete(d.running, e.key)
	d.resting[e.key] = e.rest
}

// begin gives the places that are free to endpoints that are due, first to an
// owner who has the fewest, and returns how long no other is.
func (d *Drains) begin(ctx context.Context, work *sync.WaitGroup) time.Duration {
	waiting, next := d.waiting()
	turns := places.New[due]()
	for key := range d.running {
		turns.Hold(key.Owner)
	}
	for _, w := range waiting {
		turns.Wait(w.key.Owner, w)
	}
	for len(d.running) < d.Most {
		w, ok := turns.Next()
		if !ok {
			break
		}
		d.running[w.key] = false
		work.Go(func() { d.ended <- ended{w.key, d.work(ctx, w.key)} })
	}
	d.crowded.Store(turns.Len() > 0)
	for w, ok := turns.Next(); ok; w, ok = turns.Next() {
		d.resting[w.key] = rest{until: w.since} // begun when one ends
	}
	return next
}

// work holds an endpoint's lease for one look, and returns when to look again,
// and for which state that holds.
func (d *Drains) work(ctx context.Context, key gate.Key) rest {
	judged, pause := markOf(d.Gate.State(key)), failedPause
	name := permission.WebhookSender + ".endpoint." + key.String()
	err := lease.New(d.JetStream, name, d.Holder, d.Lease).Hold(ctx, func(ctx context.Context) (err error) {
		dr := &drain{Drains: d, key: key, part: key.Part(d.Partitions)}
		pause, err = dr.run(ctx)
		judged = dr.judged
		return err
	})
	switch {
	case errors.Is(err, lease.ErrHeld):
		pause = d.Lease
	case err != nil && ctx.Err() == nil:
		d.Log.Warn().Err(err).Str("owner", key.Owner).Str("endpoint", key.Endpoint).Msg("backlog not worked off; trying again")
		pause = failedPause
	}
	if pause <= failedPause {
		// What the look changed itself is no reason for another at once.
		judged = markOf(d.Gate.State(key))
	}
	return rest{judged, d.Now().Add(pause)}
}

// enabled reports whether what disabled an endpoint holds no more: its owner
// enabled it, or gave it another URL.
func (d *Drains) enabled(key gate.Key, s breaker.State) bool {
	if s.Phase != breaker.Disabled {
		return false
	}
	ep, ok := d.Directory.Owner(key.Owner).Endpoints[key.Endpoint]
	if !ok || ep.Disabled {
		return false
	}
	u, err := url.Parse(ep.URL)
	return s.Reason == breaker.ByOwner || err == nil && u.String() != s.URL
}

// gone reports whether an endpoint was deleted and its state still absorbs.
func (d *Drains) gone(key gate.Key, s breaker.State) bool {
	_, ok := d.Directory.Owner(key.Owner).Endpoints[key.Endpoint]
	return !ok && s.Absorbs()
}

// inFlight is the greatest number of requests at a time.
func (d *Drains) inFlight(key gate.Key) int {
	if ep, ok := d.Directory.Owner(key.Owner).Endpoints[key.Endpoint]; ok && ep.InFlight > 0 {
		return ep.InFlight
	}
	return endpoint.DefaultInFlight
}
