// Package lane shares a bounded number of running jobs between lanes, so that
// a slow lane cannot hold up the others. A lane is whatever jobs compete for:
// an endpoint, or the SMTP settings. It refuses to know what a job does.
//
//	Offer ─▶ runs at once ─────────────────────────▶ done
//	   │         ▲
//	   ├─▶ waits ┘ lanes take turns, each at its own rate
//	   └─▶ is shed: its lane is too slow while too many wait
package lane

import (
	"sync"
	"time"

	"github.com/billhook/billhook/shared/company"
)

// Limits bound the jobs over all lanes.
type Limits struct {
	// Running is the greatest number of running jobs.
	Running int
	// Waiting is the number of waiting jobs from which on a lane whose jobs
	// would wait longer than Patience sheds new ones; than a part of it where
	// it has crowded others for that long.
	Waiting  int
	Patience time.Duration
	// Longest is how long a job may be expected to wait where there is room for
	// it, for whoever has to hold something meanwhile; 0 is for any time.
	Longest time.Duration
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
	held    map[string]int // slots by group
	waiting int
	queued  map[string]int // jobs that wait by group
	company company.Company
	stopped bool
	// reviewing runs while many wait.
	reviewing *time.Timer
}

type lane[J any] struct {
	key      string
	group    string
	inFlight int
	running  int
	waiting  fifo[J]
	ready    bool
	pace     pace
	limit    limit
	// crowding is since when the lane crowds others; zero when it does not.
	crowding time.Time
	// timer runs while the lane waits for its rate, or is kept because of it.
	timer *time.Timer
}

func (ln *lane[J]) idle() bool { return ln.running == 0 && ln.waiting.len() == 0 }

// New returns lanes without jobs.
func New[J any](l Limits, h Handler[J]) *Lanes[J] {
	out := &Lanes[J]{limits: l, handler: h, lanes: map[string]*lane[J]{}, held: map[string]int{}, queued: map[string]int{}}
	out.idle = sync.NewCond(&out.mu)
	return out
}

// Offer takes a job of the lane of that key, which is pressed no harder than
// its newest cap says, and returns at once. No lane runs more than half of all,
// so that one whose jobs hang leaves room for the others. A lane that waits for
// its rate holds no place among those that run.
func (l *Lanes[J]) Offer(key string, c Cap, job J) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		l.spawn(func() { l.handler.Drop(job) })
		return
	}
	now := l.limits.Now()
	ln := l.lanes[key]
	if ln == nil {
		ln = &lane[J]{key: key, group: c.Group}
		l.lanes[key] = ln
	}
	if ln.idle() {
		ln.pace.moved = now
	}
	ln.inFlight = max(1, min(c.InFlight, l.limits.Running/2))
	if ln.limit.set(c.Rate, now) && ln.timer != nil {
		ln.timer.Stop() // it knows the former rate
		ln.timer = nil
	}
	l.company.Saw(ln.group, now)
	most := l.patience()
	if l.crowds(ln, now) && !c.Awaited {
		most = l.limits.Patience / crowdedShare
	}
	if wait, slow := l.slow(ln, now, most); slow {
		l.spawn(func() { l.handler.Shed(job, wait) })
		return
	}
	ln.waiting.push(job)
	l.queue(ln, 1)
	l.enlist(ln)
	l.start()
	l.review()
}

// patience is how long a job may be expected to wait now; 0 is for any time.
func (l *Lanes[J]) patience() time.Duration {
	if l.waiting < l.limits.Waiting {
		return l.limits.Longest
	}
	return l.limits.Patience
}

// slow reports whether a job of ln, which may wait for most, is shed, and how
// long it should stay away.
func (l *Lanes[J]) slow(ln *lane[J], now time.Time, most time.Duration) (time.Duration, bool) {
	if ln.waiting.len() == 0 || most == 0 {
		return 0, false
	}
	apart := max(ln.pace.each(now, l.limits.Patience)/time.Duration(ln.inFlight), ln.limit.each())
	if apart*time.Duration(ln.waiting.len()) <= most {
		return 0, false
	}
	return ln.pace.postpone(now, l.limits.Patience, apart), true
}

// queue counts a job that waits, or one that does not any more.
func (l *Lanes[J]) queue(ln *lane[J], n int) {
	l.waiting += n
	if l.queued[ln.group] += n; l.queued[ln.group] == 0 {
		delete(l.queued, ln.group)
	}
}

// Stop drops what waits, waits for what runs, and refuses what comes.
func (l *Lanes[J]) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	if l.reviewing != nil {
		l.reviewing.Stop()
	}
	for _, ln := range l.lanes {
		if ln.timer != nil {
			ln.timer.Stop()
		}
		for ln.waiting.len() > 0 {
			job := ln.waiting.pop()
			l.queue(ln, -1)
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
