package drain

import (
	"context"
	"slices"
	"time"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/shared/fault"
)

// drain is one look at an endpoint, under its lease.
type drain struct {
	*Drains
	key  gate.Key
	part int
	// from is the sequence up to before which all is done, as it was stored.
	from uint64
	// level is how many requests are made at a time, wins the successes at
	// this level.
	level, wins int
	// ahead are the sequences of what was delivered behind the floor.
	ahead []uint64
	// began is when the first of the deliveries was; zero before that.
	began time.Time
	// maxAge is how long an unsent delivery is kept; 0 means for ever.
	maxAge time.Duration
	// judged tells by which state the pause was found that run returns: somebody
	// may have enabled the endpoint since it was read.
	judged mark
}

const (
	// brisk is how long the last part of a backlog may take for what comes to
	// be sent at once again.
	brisk = 2 * time.Second
	// poll is how often the floor is looked at.
	poll = 200 * time.Millisecond
)

// run works until nothing is left to do for a while, and returns for how long.
func (d *drain) run(ctx context.Context) (_ time.Duration, err error) {
	if d.maxAge, err = d.Backlog.MaxAge(ctx); err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		// The floor comes first: whatever was acknowledged unsent up to there
		// is in the state that is read then.
		floor, err := d.Backlog.Floor(ctx, d.part)
		if err != nil {
			return 0, err
		}
		s, revision, err := d.Gate.Fresh(ctx, d.key)
		if err != nil {
			return 0, err
		}
		d.judged = markOf(s)
		var pause time.Duration
		switch {
		case s.Phase == breaker.Closed:
			return lookEvery, nil
		case d.gone(d.key, s):
			_, err = d.Gate.Change(ctx, d.key, breaker.State.Abandon)
		case d.enabled(d.key, s):
			_, err = d.Gate.Change(ctx, d.key, func(s breaker.State) breaker.State { return s.Enabled(d.Now()) })
		case s.Phase == breaker.Closing && s.Until == 0:
			err = d.findEnd(ctx, gate.Step{From: s, To: s, Revision: revision})
		default:
			pause, err = d.round(ctx, s, floor)
		}
		if err != nil || pause > poll || d.over() {
			return pause, err
		}
		wait(ctx, pause)
	}
	return failedPause, nil
}

// over reports whether it is the turn of others.
func (d *drain) over() bool {
	return d.crowded.Load() && !d.began.IsZero() && d.Now().Sub(d.began) >= turn
}

// findEnd stores the end of a closing backlog. It is looked up after the state
// that does not absorb is stored, and stored only where that is still the
// newest: so whatever joined the backlog lies before it.
func (d *drain) findEnd(ctx context.Context, s gate.Step) error {
	newest, err := d.Backlog.Newest(ctx, d.part)
	if err != nil {
		return err
	}
	s.To.Until = max(newest, 1)
	if _, err = d.Gate.Swap(ctx, d.key, s); fault.KindOf(err) == fault.Conflict {
		return nil // looked at anew
	}
	return err
}

// round does what can be done in a state up to a floor, and returns how long to
// wait then.
func (d *drain) round(ctx context.Context, s breaker.State, floor uint64) (time.Duration, error) {
	began := d.Now()
	d.from, d.level, d.wins = s.From, max(s.Level, 1), 0
	if s.Phase == breaker.Closing {
		d.level = d.inFlight(d.key)
	}
	if ended, err := d.early(ctx, s); err != nil || !ended {
		return failedPause, err
	}
	g := d.stretch(s)
	g.Until = floor
	if s.Until > 0 && s.Phase == breaker.Closing {
		g.Until = min(floor, s.Until)
	}
	first, err := d.Backlog.Read(ctx, g, 1, nil)
	if err != nil {
		return 0, err
	}
	var p *pass
	if len(first.Waiting) > 0 {
		if p, err = d.pass(ctx, g, first.Waiting[0].Stored); err != nil {
			return 0, err
		}
	} else if err = d.reach(ctx, g.Until+1); err != nil {
		return 0, err
	}
	return d.follows(ctx, s, p, d.Now().Sub(began))
}

// follows says what comes after a round. p is nil where nothing waited.
func (d *drain) follows(ctx context.Context, s breaker.State, p *pass, took time.Duration) (time.Duration, error) {
	now := d.Now()
	switch {
	case s.Phase == breaker.Disabled:
		return lookEvery, nil
	case s.Phase == breaker.Open && now.Before(s.Probe):
		return min(max(s.Probe.Sub(now), failedPause), lookEvery), nil
	case s.Phase == breaker.Open && (p == nil || p.sent == 0 && !p.stopped):
		return d.idle(ctx, s)
	case p != nil && p.stopped:
		return failedPause, nil
	case s.Phase == breaker.Open:
		return 0, nil
	}
	step := breaker.State.Closed
	if s.Phase == breaker.Recovering && took <= brisk {
		short, err := d.short(ctx, s, p)
		if err != nil || !short {
			return poll, err
		}
		step = breaker.State.Close
	}
	next, err := d.Gate.Change(ctx, d.key, step)
	if next.Phase == s.Phase {
		return poll, err
	}
	return 0, err
}

// idle says when to look for something to probe with: soon when it is behind
// the floor, else when it comes.
func (d *drain) idle(ctx context.Context, s breaker.State) (time.Duration, error) {
	n, err := d.left(ctx, s)
	if n > 0 {
		return failedPause, err
	}
	return lookEvery, err
}

// short reports whether what is left behind the floor is no more than what this
// round delivered, or can be under way at a time. Else what comes would be sent
// beside an endpoint's own backlog, and join it again.
func (d *drain) short(ctx context.Context, s breaker.State, p *pass) (bool, error) {
	n, err := d.left(ctx, s)
	most := d.inFlight(d.key)
	if p != nil {
		most += 2 * p.sent
	}
	return n <= uint64(most), err
}

// left is how many deliveries there are behind what is done, less those that
// were delivered ahead.
func (d *drain) left(ctx context.Context, s breaker.State) (uint64, error) {
	g := d.stretch(s)
	g.From = d.from
	n, err := d.Backlog.Count(ctx, g)
	d.ahead = slices.DeleteFunc(d.ahead, func(seq uint64) bool { return seq < d.from })
	return n - min(n, uint64(len(d.ahead))), err
}

// reach stores that everything before a sequence is done, unless somebody
// moved the beginning meanwhile.
func (d *drain) reach(ctx context.Context, next uint64) error {
	if next <= d.from {
		return nil
	}
	s, err := d.Gate.Change(ctx, d.key, func(s breaker.State) breaker.State {
		if s.From != d.from || s.Phase == breaker.Closed {
			return s
		}
		s.From = next
		if s.Phase == breaker.Recovering {
			s.Level = d.level
		}
		return s
	})
	if err != nil {
		return err
	}
	d.from = s.From
	return nil
}

// count takes in the result of a request: the number at a time doubles when as
// many succeeded, and is halved by a failure.
func (d *drain) count(delivered bool) {
	if !delivered {
		d.level, d.wins = max(1, d.level/2), 0
		return
	}
	if d.wins++; d.wins >= d.level {
		d.level, d.wins = min(2*d.level, d.inFlight(d.key)), 0
	}
}

func wait(ctx context.Context, pause time.Duration) {
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
