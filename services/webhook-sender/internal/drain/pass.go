package drain

import (
	"context"
	"time"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/services/webhook-sender/internal/send"
	"github.com/billhook/billhook/streams/backlog"
)

// pageSize is how many deliveries of a backlog are held at a time.
const pageSize = 500

// pass is one going through what waits up to a floor.
type pass struct {
	*drain
	page backlog.Page
	done []bool
	// under is how many are under way, sent how many were begun.
	under, sent int
	ends        chan result
	// stopped is true when something was not settled: the state is looked at
	// before it goes on.
	stopped bool
}

// result is what became of a delivery of the page.
type result struct {
	index int
	pass  gate.Pass
	end   send.End
}

// pass goes through a range whose first delivery was stored at a moment.
func (d *drain) pass(ctx context.Context, g backlog.Range, oldest time.Time) (*pass, error) {
	p := &pass{drain: d, ends: make(chan result, pageSize)}
	if !d.sends() && !d.expires(oldest) {
		return p, nil
	}
	known, err := d.Backlog.Known(ctx, g)
	if err != nil {
		return p, err
	}
	return p, p.through(ctx, g, known)
}

// sends reports whether a request may be made, as far as is known.
func (d *drain) sends() bool {
	s := d.Gate.State(d.key)
	return s.Phase == breaker.Recovering || s.Phase == breaker.Closing || s.Phase == breaker.Open && !d.Now().Before(s.Probe)
}

// through goes from page to page.
func (p *pass) through(ctx context.Context, g backlog.Range, known backlog.Known) error {
	if p.began.IsZero() {
		p.began = p.Now()
	}
	for g.From <= g.Until && !p.stopped {
		page, err := p.Backlog.Read(ctx, g, pageSize, known)
		if err != nil {
			return err
		}
		p.page, p.done = page, make([]bool, len(page.Waiting))
		p.work(ctx)
		p.room(ctx, 1)
		if err := p.reach(ctx, p.reached()); err != nil {
			return err
		}
		g.From = page.Next
	}
	return nil
}

// work begins with the deliveries of a page, as many as may be.
func (p *pass) work(ctx context.Context) {
	for i := range p.page.Waiting {
		w := &p.page.Waiting[i]
		r := result{index: i}
		ended := func(e send.End) { r.end = e; p.ends <- r }
		leads := p.Sender.Leads(w)
		switch {
		case ctx.Err() != nil || p.stopped || p.over():
			p.stopped = true
			return
		case leads != "" && leads != p.key.Endpoint:
			p.done[i] = true // of another version of the subscription
		case p.expires(w.Stored):
			p.room(ctx, pageSize)
			p.under++
			p.Sender.GiveUp(ctx, w, ended)
		case !p.admit(ctx, &r):
			p.stopped = true
			return
		default:
			p.under++
			p.sent++
			p.Sender.Deliver(ctx, w, ended)
		}
	}
}

// admit waits until another request may be made. It returns false when none
// may.
func (p *pass) admit(ctx context.Context, r *result) bool {
	for !p.stopped {
		s := p.Gate.State(p.key)
		switch {
		case s.Phase == breaker.Open:
			p.room(ctx, 1)
			if s = p.Gate.State(p.key); s.Phase == breaker.Open {
				return p.claim(ctx, r)
			}
		case s.Phase != breaker.Recovering && s.Phase != breaker.Closing:
			return false
		case p.under < p.level:
			return true
		default:
			p.room(ctx, p.under)
		}
	}
	return false
}

// claim takes the probe.
func (p *pass) claim(ctx context.Context, r *result) bool {
	var err error
	r.pass, err = p.Gate.Ask(ctx, p.key)
	return err == nil && r.pass.Probe
}

// room waits until fewer than n are under way. When the drain has to end it
// waits for them no longer than they may take.
func (p *pass) room(ctx context.Context, n int) {
	for p.under >= n && ctx.Err() == nil {
		select {
		case r := <-p.ends:
			p.take(ctx, r)
		case <-ctx.Done():
		}
	}
	if p.under < n {
		return
	}
	timer := time.NewTimer(p.Drain)
	defer timer.Stop()
	for p.under >= n {
		select {
		case r := <-p.ends:
			p.take(ctx, r)
		case <-timer.C:
			p.under, p.stopped = 0, true
		}
	}
}

func (p *pass) take(ctx context.Context, r result) {
	p.under--
	if p.done[r.index] = r.end.Settled; !r.end.Settled {
		p.stopped = true
	}
	if r.end.Requested {
		p.count(r.end.Delivered)
	} else {
		p.Gate.Return(ctx, r.pass)
	}
}

// reached is the sequence before which everything is done.
func (p *pass) reached() uint64 {
	for i, done := range p.done {
		if !done {
			return p.page.Waiting[i].Seq
		}
	}
	return p.page.Next
}

// expires reports whether a delivery stored at a moment nears its end: less
// than a fourteenth of its time is left, half a day of seven.
func (d *drain) expires(stored time.Time) bool {
	return d.maxAge > 0 && d.Now().Sub(stored) > d.maxAge-d.maxAge/14
}
