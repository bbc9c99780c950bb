// Package turn is where every request to an endpoint waits for its turn, whether
// its delivery is ordered or not: the caps of an endpoint hold for both
// together. It refuses to know what a request is.
package turn

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/shared/lane"
)

// Job is a request that waits without anybody waiting for it: exactly one of
// its methods is called, each in a goroutine of its own.
type Job interface {
	// Run makes the request. It calls free when the endpoint is done with it.
	Run(free func())
	// PutOff has it come again after wait.
	PutOff(wait time.Duration)
	// Drop gives it back.
	Drop()
}

// Turns shares the requests under way between endpoints. It may be used by many
// goroutines.
type Turns struct {
	lanes     *lane.Lanes[Job]
	instances func() int
}

// New returns turns within limits. instances is how many senders are at work,
// this one included: each takes an equal part of the rate of an endpoint.
func New(l lane.Limits, instances func() int) *Turns {
	return &Turns{instances: instances, lanes: lane.New(l, lane.Handler[Job]{
		Run:  func(j Job, free func()) { j.Run(free) },
		Shed: func(j Job, wait time.Duration) { j.PutOff(wait) },
		Drop: func(j Job) { j.Drop() },
	})}
}

// Offer has a job wait for the turn of an owner's endpoint.
func (t *Turns) Offer(owner string, to *target.Target, j Job) {
	t.lanes.Offer(owner+"/"+to.Endpoint, t.capOf(owner, to), j)
}

func (t *Turns) capOf(owner string, to *target.Target) lane.Cap {
	return lane.Cap{InFlight: to.InFlight, Rate: to.RateLimit / float64(max(1, t.instances())), Group: owner}
}

// Stop drops what waits and still comes, and returns when nothing is under way.
func (t *Turns) Stop() { t.lanes.Stop() }

// ErrStopped says that there will be no turn any more.
var ErrStopped = errors.New("no more requests are made")

// Turn is the permission to make one request.
type Turn struct {
	// Free is called when the endpoint is done with the request.
	Free func()
	// Leave is called when nothing of it is under way any more.
	Leave func()
}

// Take waits for the turn of an owner's endpoint. Where that would take too long
// it returns after what time to ask again, and no turn. The error is that of
// ctx, or [ErrStopped].
func (t *Turns) Take(ctx context.Context, owner string, to *target.Target) (*Turn, time.Duration, error) {
	w := &waiter{granted: make(chan *Turn), putOff: make(chan time.Duration, 1), dropped: make(chan struct{}), gone: make(chan struct{})}
	defer close(w.gone)
	c := t.capOf(owner, to)
	c.Awaited = true
	t.lanes.Offer(owner+"/"+to.Endpoint, c, w)
	select {
	case turn := <-w.granted:
		return turn, 0, nil
	case wait := <-w.putOff:
		return nil, wait, nil
	case <-w.dropped:
		return nil, 0, ErrStopped
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

// waiter is a job that somebody waits for.
type waiter struct {
	granted chan *Turn
	putOff  chan time.Duration
	dropped chan struct{}
	gone    chan struct{} // closed when nobody waits any more
}

// Run implements [Job]: it hands the turn over and waits until it is left.
func (w *waiter) Run(free func()) {
	left := make(chan struct{})
	select {
	case w.granted <- &Turn{Free: free, Leave: sync.OnceFunc(func() { close(left) })}:
		<-left
	case <-w.gone:
	}
}

// PutOff implements [Job].
func (w *waiter) PutOff(wait time.Duration) { w.putOff <- wait }

// Drop implements [Job].
func (w *waiter) Drop() { close(w.dropped) }
