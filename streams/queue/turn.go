package queue

import (
	"context"
	"slices"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/queue/handout"
)

// races is how often a turn is played again because others wrote before it.
const races = 50

// hand is what a pull is to get.
type hand struct {
	to       *pull
	messages []Message
}

// turn does all that is asked, as far as it can be done now, with one write.
func (l *line) turn(ctx context.Context) {
	if len(l.waiting)+len(l.asked) == 0 {
		return
	}
	if l.state.State != nil && len(l.waiting) > 0 && time.Since(l.read) >= l.every() {
		l.state = stored{}
	}
	l.fresh = false
	for range races {
		done, err := l.play(ctx)
		if ctx.Err() != nil {
			return // all are answered at the end
		}
		if err != nil {
			l.fail(err)
		}
		if done || err != nil {
			return
		}
	}
	l.fail(fault.New(fault.Unavailable, "write state", l.key, errRaced))
}

// play plays a turn on the state as it is known. It reports false when somebody
// wrote before, and fails with what those that asked are answered with.
func (l *line) play(ctx context.Context) (done bool, err error) {
	if err := l.know(ctx); err != nil {
		return false, err
	}
	if err := l.open(ctx); err != nil {
		l.log.Warn().Err(err).Msg("events of a queue cannot be read; trying again")
	}
	next := stored{l.state.Clone(), l.state.revision, l.desk.settings.Now()}
	if g := l.gap; g != nil && g.Short() {
		next.Rewind(g.First - 1)
	}
	results, changed, refused := l.settle(next.State)
	if refused && !l.fresh { // by what may be old
		l.state = stored{}
		return false, nil
	}
	next.Lapse(l.tail.first, next.since.UTC().Truncate(time.Millisecond))
	hands := l.deal(ctx, next.State)
	next.Gap = l.missing(next.Gap)
	if changed || len(hands) > 0 || next.Gap != l.state.Gap || l.stale() {
		l.tell(next.Gap)
		next.Pass(l.tail.covered())
		next.revision, err = save(context.WithoutCancel(ctx), l.desk.settings.JS, l.key, next)
		switch {
		case fault.KindOf(err) == fault.Conflict:
			l.state = stored{}
			return false, nil
		case err != nil:
			l.state = stored{}
			return false, err
		}
		l.desk.fault(FaultStored)
		l.state, l.read, l.gap = next, time.Now(), nil
		l.seen()
		l.tail.drop(next.Head)
	}
	l.answer(results, hands)
	return true, nil
}

// know reads the state where it is not known.
func (l *line) know(ctx context.Context) (err error) {
	if l.state.State != nil {
		return nil
	}
	l.state, err = load(ctx, l.desk.settings.JS, l.key, l.plan.Start)
	if err != nil {
		return err
	}
	l.read, l.fresh = time.Now(), true
	l.seen()
	if l.gap != nil && l.stored(*l.gap) {
		l.gap = nil
	}
	if l.tail.astray(l.state.Head) {
		l.tail.close(ctx)
	}
	l.tail.drop(l.state.Head)
	return nil
}

// settle does what is asked with receipts. Refused says that one was that may be
// of this queue.
func (l *line) settle(next *handout.State) (results [][]handout.Result, changed, refused bool) {
	now := l.desk.settings.Now()
	for _, s := range l.asked {
		of := make([]handout.Result, len(s.deeds))
		for i, d := range s.deeds {
			r, before := parseReceipt(l.key, d.Receipt), len(next.Out)
			switch d.Want {
			case handout.Released:
				of[i] = next.Release(r, later(now, d.After))
			case handout.Extended:
				of[i] = next.Extend(r, now, later(now, d.After))
			default:
				of[i] = next.Ack(r)
			}
			changed = changed || len(next.Out) != before || of[i] == handout.Released || of[i] == handout.Extended
			refused = refused || r.Ticket != 0 && (of[i] == handout.Expired || of[i] == handout.Unknown)
		}
		results = append(results, of)
	}
	return results, changed, refused
}

// later is a moment as the state keeps it, no earlier than asked for; without a
// time it is not in the future.
func later(now time.Time, after time.Duration) time.Time {
	if after <= 0 {
		return now.Truncate(time.Millisecond)
	}
	return now.Add(after + time.Millisecond - 1).Truncate(time.Millisecond)
}

// deal hands out what there is to those that wait, in their order.
func (l *line) deal(ctx context.Context, next *handout.State) (hands []hand) {
	if !l.plan.Active {
		return nil
	}
	for _, p := range l.waiting {
		if p.gone() {
			continue
		}
		h := l.handTo(ctx, p, next)
		if len(h.messages) == 0 {
			break
		}
		hands = append(hands, h)
	}
	return hands
}

// handTo hands out to one.
func (l *line) handTo(ctx context.Context, p *pull, next *handout.State) hand {
	now := l.desk.settings.Now()
	due, n := next.Due(now, l.plan.InOrder, p.most)
	if l.lingers(p, len(due), n, next.Head) {
		return hand{}
	}
	receipt := handout.Receipt{Ticket: l.desk.settings.Ticket()}
	h, size := hand{to: p}, 0
	add := func(seq uint64, times int, body []byte) bool {
		if len(h.messages) > 0 && size+len(body) > MaxBytes {
			return false
		}
		size += len(body)
		receipt.Seq = seq
		h.messages = append(h.messages, Message{Receipt: receiptOf(l.key, receipt), Seq: seq, Times: times, Body: body})
		return true
	}
	again, whole := l.repeat(ctx, next, due, add)
	var fresh []uint64
	if whole {
		for _, e := range l.tail.behind(next.Head) {
			if len(fresh) == n || !add(e.seq, 1, l.desk.settings.Render(e.event)) {
				break
			}
			fresh = append(fresh, e.seq)
		}
	}
	next.Give(receipt.Ticket, later(now, l.plan.Visibility), again, fresh)
	return h
}

// lingers reports whether a pull is answered better in a moment: more is on its way
// than is here, as when the reading has just begun.
func (l *line) lingers(p *pull, again, fresh int, head uint64) bool {
	here := len(l.tail.behind(head))
	return here < fresh && again+here > 0 && l.tail.more() && !l.tail.full() && time.Since(p.came) < l.desk.settings.Pace.Linger
}

// repeat adds what was handed out before and may be again. Whole is false when
// not all of it was.
func (l *line) repeat(ctx context.Context, next *handout.State, due []handout.Given, add func(uint64, int, []byte) bool) (seqs []uint64, whole bool) {
	for _, g := range due {
		l.desk.log.Want(ctx, g.Seq)
	}
	for _, g := range due {
		e, err := l.desk.log.Get(ctx, g.Seq)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			next.Drop(g.Seq, l.desk.settings.Now())
			continue
		case err != nil:
			l.log.Warn().Err(err).Msg("an event of a queue cannot be read; trying again")
			return seqs, false
		}
		if !add(g.Seq, g.Times+1, l.desk.settings.Render(e)) {
			return seqs, false
		}
		seqs = append(seqs, g.Seq)
	}
	return seqs, true
}

// answer answers all that was done. What was handed out to somebody who went away
// meanwhile is given back.
func (l *line) answer(results [][]handout.Result, hands []hand) {
	for i, s := range l.asked {
		s.answer <- settled{results: results[i]}
	}
	l.asked = nil
	for _, h := range hands {
		if !h.to.reply(pulled{messages: h.messages}) {
			l.asked = append(l.asked, &settling{deeds: GiveBack(h.messages), answer: make(chan settled, 1)})
			l.nudge()
		}
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(p *pull) bool { return p.state.Load() != waits })
}

// fail answers everybody with an error.
func (l *line) fail(err error) {
	for _, s := range l.asked {
		s.answer <- settled{err: err}
	}
	for _, p := range l.waiting {
		p.reply(pulled{err: err})
	}
	l.asked, l.waiting = nil, nil
}
