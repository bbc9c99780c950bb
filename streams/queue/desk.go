package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/queue/handout"
)

// Desk serves queues, each by a line that lives while somebody asks for it.
type Desk struct {
	settings Settings
	log      *eventlog.Reader
	ready    chan struct{}

	mu sync.Mutex // guards what follows, and the inboxes of lines
	// life is that of Run; nil before it, and after its end.
	life    context.Context //nolint:containedctx // of the lines' goroutines, which Run waits for
	lines   map[Address]*line
	working sync.WaitGroup
	// waiting counts the requests that wait for events, by owner, and by queue.
	waiting map[string]int
	crowd   map[Address]int
}

// New returns a desk that serves nothing until [Desk.Run].
func New(s Settings) *Desk {
	s.Pace = s.Pace.withDefaults()
	return &Desk{settings: s, log: eventlog.New(s.JS), ready: make(chan struct{}), lines: map[Address]*line{}, waiting: map[string]int{}, crowd: map[Address]int{}}
}

// Ready is closed once the desk serves.
func (d *Desk) Ready() <-chan struct{} { return d.ready }

// Run serves until ctx ends. It may be called once. It returns nil, when nothing works any more; who
// still waits for events then is answered with none.
func (d *Desk) Run(ctx context.Context) error {
	changes, end := d.settings.Source.Changes()
	defer end()
	d.mu.Lock()
	d.life = ctx
	d.mu.Unlock()
	close(d.ready)
	for {
		select {
		case <-changes:
			d.nudge()
			continue
		case <-ctx.Done():
		}
		break
	}
	d.mu.Lock()
	d.life = nil
	d.mu.Unlock()
	d.working.Wait()
	d.log.Close()
	return nil
}

func (d *Desk) fault(point string) {
	if d.settings.Fault != nil {
		d.settings.Fault(point)
	}
}

// nudge has every line look at its plan.
func (d *Desk) nudge() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		l.nudge()
	}
}

// Pull hands out events of a queue, at most max of them. While there are none it
// waits, and then returns none. The error is [ErrGone], [ErrBusy], or of kind
// Unavailable.
func (d *Desk) Pull(ctx context.Context, at Address, max int, wait time.Duration) ([]Message, error) {
	now := time.Now()
	p := &pull{most: min(max, MaxMessages), came: now, until: now.Add(wait), answer: make(chan pulled, 1)}
	if err := d.enter(at, p); err != nil { //nolint:contextcheck // a line outlives the request that opens it
		return nil, err
	}
	defer d.leave(at)
	select {
	case got := <-p.answer:
		return got.messages, got.err
	case <-ctx.Done():
	}
	if p.state.CompareAndSwap(waits, left) {
		return nil, ctx.Err()
	}
	got := <-p.answer
	return got.messages, got.err
}

// enter has a request wait, and counts it: whoever is counted is answered by a
// line, also when the desk closes. A queue alone does not get the places of all of
// its owner's: their readers are different people, with keys of their own.
func (d *Desk) enter(at Address, p *pull) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	most := d.settings.Waiting
	if d.waiting[at.Owner] >= most || d.crowd[at] >= most-most/4 {
		return ErrBusy
	}
	if err := d.submit(at, func(l *line) { l.pulls = append(l.pulls, p) }); err != nil {
		return err
	}
	d.waiting[at.Owner]++
	d.crowd[at]++
	return nil
}

// leave counts a request no more.
func (d *Desk) leave(at Address) {
	d.mu.Lock()
	defer d.mu.Unlock()
	less(d.waiting, at.Owner)
	less(d.crowd, at)
}

// less counts one less, and nothing that is none.
func less[K comparable](of map[K]int, key K) {
	if of[key]--; of[key] == 0 {
		delete(of, key)
	}
}

// Deed is what is done with a receipt: it is acknowledged, released to be free
// after a time, or extended by a time, counted from now.
type Deed struct {
	Receipt string
	Want    handout.Result
	After   time.Duration
}

// Settle does what is asked with receipts of a queue and returns what became of
// each. The error is [ErrGone] or of kind Unavailable; then the same may be asked
// again.
func (d *Desk) Settle(ctx context.Context, at Address, deeds []Deed) ([]handout.Result, error) {
	s := &settling{deeds: deeds, answer: make(chan settled, 1)}
	d.mu.Lock()
	err := d.submit(at, func(l *line) { l.settlings = append(l.settlings, s) }) //nolint:contextcheck // a line outlives the request that opens it
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case got := <-s.answer:
		return got.results, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// submit puts something into the inbox of a queue's line, which it opens where
// there is none. The mutex is held.
func (d *Desk) submit(at Address, put func(*line)) error {
	if d.life == nil {
		return at.unavailable(ErrClosed)
	}
	l := d.lines[at]
	if l == nil {
		if _, ok := d.settings.Source.Plan(at); !ok {
			return at.gone()
		}
		l = newLine(d, at)
		d.lines[at] = l
		life := d.life
		d.working.Go(func() { l.run(life) })
	}
	put(l)
	l.nudge()
	return nil
}

// take empties the inbox of a line into its own lists.
func (d *Desk) take(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.waiting = append(l.waiting, l.pulls...)
	l.asked = append(l.asked, l.settlings...)
	l.pulls, l.settlings = nil, nil
}

// close ends a line, unless something was put into its inbox meanwhile; a forced
// one it ends in any case.
func (d *Desk) close(l *line, force bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !force && len(l.pulls)+len(l.settlings) > 0 {
		return false
	}
	if d.lines[l.at] == l {
		delete(d.lines, l.at)
	}
	return true
}

// The states of a pull.
const (
	waits int32 = iota
	answered
	left
)

// pull is a request for events.
type pull struct {
	most   int
	came   time.Time
	until  time.Time
	answer chan pulled
	state  atomic.Int32
}

// pulled is the answer to a pull.
type pulled struct {
	messages []Message
	err      error
}

// reply answers a pull; it reports false when nobody waits for it any more.
func (p *pull) reply(a pulled) bool {
	if !p.state.CompareAndSwap(waits, answered) {
		return false
	}
	p.answer <- a
	return true
}

// gone reports whether nobody waits for the answer any more.
func (p *pull) gone() bool { return p.state.Load() == left }

// settling is a request to do something with receipts.
type settling struct {
	deeds  []Deed
	answer chan settled
}

// settled is the answer to a settling.
type settled struct {
	results []handout.Result
	err     error
}
