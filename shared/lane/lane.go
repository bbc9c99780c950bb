// Package lane shares a bounded number of running jobs between lanes, so that
// a slow lane cannot hold up the others. A lane is whatever jobs compete for:
// an endpoint, or the SMTP settings. It refuses to know what a job does.
//
//	Offer ─▶ runs at once ─────────────────────────▶ done
//	   │         ▲
//	   ├─▶ waits ┘ lanes take turns
//	   └─▶ is shed: its lane is too slow while too many wait
package lane

import (
	"sync"
	"time"
)

// Limits bound the jobs over all lanes.
type Limits struct {
	// Running is the greatest number of running jobs.
	Running int
	// Waiting is the number of waiting jobs from which on a lane whose jobs
	// would wait longer than Patience sheds new ones.
	Waiting  int
	Patience time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Handler is what is done with a job: exactly one of the three.
type Handler[J any] struct {
	// Run does the job. It calls free when the job stops to burden its lane;
	// until Run returns the job still counts as running over all lanes.
	Run func(job J, free func())
	// Shed is called for a job that should come again after wait.
	Shed func(job J, wait time.Duration)
	// Drop is called for a job that was waiting when the lanes were stopped.
	Drop func(job J)
}

// Lanes runs jobs. Its methods may be called by many goroutines.
type Lanes[J any] struct {
	limits  Limits
	handler Handler[J]

	mu      sync.Mutex
	idle    *sync.Cond // signals that nothing is under way
	busy    int        // goroutines; no WaitGroup, since Offer may come beside Stop
	lanes   map[string]*lane[J]
	ready   fifo[*lane[J]] // lanes with waiting jobs that are below their own cap
	running int
	waiting int
	stopped bool
}

type lane[J any] struct {
	key      string
	inFlight int
	running  int
	waiting  fifo[J]
	ready    bool
	pace     pace
}

// New returns lanes without jobs.
func New[J any](l Limits, h Handler[J]) *Lanes[J] {
	out := &Lanes[J]{limits: l, handler: h, lanes: map[string]*lane[J]{}}
	out.idle = sync.NewCond(&out.mu)
	return out
}

// Offer takes a job of the lane of that key, which may run inFlight jobs at a
// time, and returns at once.
func (l *Lanes[J]) Offer(key string, inFlight int, job J) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		l.spawn(func() { l.handler.Drop(job) })
		return
	}
	ln := l.lanes[key]
	if ln == nil {
		ln = &lane[J]{key: key}
		ln.pace.moved = l.limits.Now()
		l.lanes[key] = ln
	}
	ln.inFlight = max(1, inFlight)
	if wait, slow := l.slow(ln); slow {
		l.spawn(func() { l.handler.Shed(job, wait) })
		return
	}
	ln.waiting.push(job)
	l.waiting++
	l.enlist(ln)
	l.start()
}

// slow reports whether a new job of ln is shed, and how long it should stay
// away.
func (l *Lanes[J]) slow(ln *lane[J]) (time.Duration, bool) {
	if l.waiting < l.limits.Waiting || ln.waiting.len() == 0 {
		return 0, false
	}
	now := l.limits.Now()
	if ln.pace.wait(now, ln.waiting.len(), ln.inFlight) <= l.limits.Patience {
		return 0, false
	}
	return ln.pace.postpone(now, l.limits.Patience, ln.inFlight), true
}

// Stop drops what waits, waits for what runs, and refuses what comes.
func (l *Lanes[J]) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	for _, ln := range l.lanes {
		for ln.waiting.len() > 0 {
			job := ln.waiting.pop()
			l.waiting--
			l.spawn(func() { l.handler.Drop(job) })
		}
	}
	for l.busy > 0 {
		l.idle.Wait()
	}
}

// spawn runs f beside; Stop waits for it. It is called with the lock held.
func (l *Lanes[J]) spawn(f func()) {
	l.busy++
	go func() {
		defer l.leave()
		f()
	}()
}

func (l *Lanes[J]) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy--; l.busy == 0 {
		l.idle.Broadcast()
	}
}
