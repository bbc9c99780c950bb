package queue

import (
	"context"
	"time"

	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/queue/handout"
)

// seldom is how often a position is stored that moves over what is not wanted.
const seldom = time.Hour

// open has EVENTS read while somebody waits, and compares the reading with its
// ends now and then.
func (l *line) open(ctx context.Context) error {
	if len(l.waiting) == 0 || !l.plan.Active {
		return nil
	}
	t := &l.tail
	if t.reader != nil {
		if t.fill(l.plan, l.head()); time.Since(t.looked) < looks {
			return nil
		}
	}
	l.failed = true
	at, err := eventlog.FindEnds(ctx, t.js, l.plan.Filters)
	if err != nil {
		return err
	}
	if t.reader != nil {
		l.look(at, t.reader.Last())
	} else {
		t.passed = l.state.Head
		if at.Last < t.passed { // restored, or made again
			l.gap, t.passed = l.noted(t.passed, at.Last+1), at.Last
		}
		t.reached = t.passed
		if l.look(at, 0); l.gap != nil {
			t.passed = max(t.passed, l.gap.First-1)
		}
		if err := t.start(ctx, l.plan); err != nil {
			return err
		}
	}
	l.failed = false
	return nil
}

// head is up to where all was handed out, as far as is known: nothing is where the
// work ended while the state was read.
func (l *line) head() uint64 {
	if l.state.State == nil {
		return 0
	}
	return l.state.Head
}

// look compares what was received with the ends of EVENTS. If retention was ahead
// of it at any moment between two looks, the beginning of EVENTS at the second is
// behind what had been received at the first: a gap cannot be missed. It may be
// noted where nothing was wanted, unless the newest event that is has been read.
func (l *line) look(at eventlog.Ends, received uint64) {
	t := &l.tail
	t.looked, t.first = time.Now(), at.First
	read := at.Newest <= t.passed && received <= t.passed
	gone := at.Newest == 0 && at.First > t.reached+1 // all there is was removed, read or not
	if read && !gone {
		t.passed, t.reached = max(t.passed, at.Last), max(t.reached, at.Last)
		return
	}
	if at.First > t.reached+1 {
		l.gap = l.noted(t.reached, at.First)
	}
	t.reached = max(t.reached, t.passed, received, at.First-min(1, at.First))
}

// missing returns the gap of a state, with what is missing behind its position: what
// was removed while it was out is before that.
func (l *line) missing(out handout.Gap) handout.Gap {
	if l.gap == nil {
		return out
	}
	all := *l.gap
	if out != l.state.Gap && !all.Short() {
		all.After = min(all.After, out.After)
	}
	return all
}

// stored reports whether another instance found a gap, too, and stored it before.
func (l *line) stored(g handout.Gap) bool {
	if g.Short() {
		return l.state.Head < g.After // it is read on from there
	}
	return l.state.Gap.First == g.First
}

// tell tells of a gap before it is stored: who dies in between tells of it twice, and
// not never.
func (l *line) tell(g handout.Gap) {
	if same := func(of handout.Gap) bool { return of.First == g.First && of.Short() == g.Short() }; same(l.state.Gap) || same(l.told) {
		return
	}
	l.told = g
	l.desk.settings.Lost(l.at, g)
}

// noted is a gap that was found now.
func (l *line) noted(after, first uint64) *handout.Gap {
	return &handout.Gap{After: after, First: first, At: l.desk.settings.Now().UTC().Truncate(time.Millisecond)}
}

// seen notes when the state changed.
func (l *line) seen() {
	if l.moved.IsZero() || l.revision != l.state.revision {
		l.moved, l.revision = l.read, l.state.revision
	}
}

// every is how often the state is read again while somebody waits: the rarer, the
// longer others have had what they have, so that a thousand queues of which each has
// an event out for an hour cost little, and who waits is an eighth later at most.
// Where nothing is out it is read when somebody comes: another instance may have
// handed out what is not wanted here, or the state may be one of before.
func (l *line) every() time.Duration {
	if len(l.state.Out) == 0 {
		return rare
	}
	return min(max(poll, time.Since(l.moved)/8), rare)
}

// stale reports whether the position is to be stored though nothing is handed out:
// else retention comes to it at last, and what was looked at and not wanted would be
// told as lost.
func (l *line) stale() bool {
	return l.tail.covered() > l.state.Head && l.desk.settings.Now().Sub(l.state.since) >= seldom
}
