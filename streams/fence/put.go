package fence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/batch"
)

// put is one call of Write.
type put struct {
	w          *Writer
	duplicates []int
	pause      time.Duration
}

// bisectBelow is the size from which a group with a duplicate is stored
// singly, where the server names the duplicate.
const bisectBelow = 8

// cut returns how many of group, from the first, go into one store: what fits
// a batch and ends before an id that is likely to be a duplicate, which then
// goes alone.
func (p *put) cut(group []numbered) int {
	msgs := make([]*nats.Msg, len(group))
	for i, g := range group {
		msgs[i] = g.msg
	}
	n := batch.Fit(msgs)
	within := make(map[string]bool)
	for i, m := range msgs[:n] {
		id := m.Header.Get(jetstream.MsgIDHeader)
		if id == "" {
			continue
		}
		if within[id] || p.w.recent.has(id) {
			return max(i, 1)
		}
		within[id] = true
	}
	return n
}

// store stores the group in the way that is faster.
func (p *put) store(ctx context.Context, group []numbered) error {
	if p.w.pace.Batched(len(group)) {
		return p.batch(ctx, group)
	}
	return p.singles(ctx, group)
}

func (p *put) singles(ctx context.Context, group []numbered) error {
	for len(group) > 0 {
		start := time.Now()
		ack, err := p.single(ctx, group[0].msg)
		stored := 1
		switch {
		case err != nil:
			stored, err = p.settle(ctx, group[:1], err)
		case ack.Duplicate:
			err = p.duplicate(ctx, group[:1], ack.Sequence)
		default:
			p.w.last = ack.Sequence
			p.w.pace.Learn(false, 1, time.Since(start))
		}
		if err != nil {
			return err
		}
		p.done(group[:stored])
		group = group[stored:]
	}
	return nil
}

// duplicate notes that the only message of the group is in the window already,
// unless it got there by an earlier try that seemed to fail.
func (p *put) duplicate(ctx context.Context, group []numbered, seq uint64) error {
	if seq > p.w.last {
		stored, err := p.lookUp(ctx, group)
		if err != nil || stored == 1 {
			return err
		}
	}
	p.duplicates = append(p.duplicates, group[0].index)
	return nil
}

// single publishes one message with the expectation.
func (p *put) single(ctx context.Context, m *nats.Msg) (*jetstream.PubAck, error) {
	ctx, cancel := api.Bound(ctx, p.w.js)
	defer cancel()
	p.w.expect(m)
	defer unexpect(m)
	return p.w.js.PublishMsg(ctx, m)
}

// whole publishes a group as one batch with the expectation.
func (p *put) whole(ctx context.Context, group []numbered) (uint64, error) {
	msgs := make([]*nats.Msg, len(group))
	for i, g := range group {
		msgs[i] = g.msg
	}
	ctx, cancel := api.Bound(ctx, p.w.js)
	defer cancel()
	p.w.expect(msgs[0])
	defer unexpect(msgs[0])
	return batch.Publish(ctx, p.w.js, msgs)
}

func (p *put) batch(ctx context.Context, group []numbered) error {
	start := time.Now()
	last, err := p.whole(ctx, group)
	if err == nil {
		p.w.last = last
		p.done(group)
		p.w.pace.Learn(true, len(group), time.Since(start))
		return nil
	}
	stored, settleErr := p.settle(ctx, group, err)
	if settleErr != nil {
		return settleErr
	}
	if rest := group[stored:]; len(rest) > 0 {
		return p.again(ctx, rest, err)
	}
	return nil
}

// again stores what a failed batch left: in smaller groups when one of its
// messages may be the reason, which is so for a duplicate, and for a message
// that the server refused and then missed.
func (p *put) again(ctx context.Context, group []numbered, err error) error {
	if v := batch.Judge(err); v != batch.Duplicate && v != batch.Passing {
		return p.store(ctx, group)
	}
	if len(group) <= bisectBelow {
		return p.singles(ctx, group)
	}
	half := len(group) / 2
	if err := p.batch(ctx, group[:half]); err != nil {
		return err
	}
	return p.batch(ctx, group[half:])
}

// done remembers that the group is settled.
func (p *put) done(group []numbered) {
	if len(group) > 0 {
		p.pause = 0
	}
	for _, g := range group {
		if id := g.msg.Header.Get(jetstream.MsgIDHeader); id != "" {
			p.w.recent.add(id)
		}
	}
}

// settle finds out, after a failure, how many of the group are stored. It
// returns an error when trying again makes no sense.
func (p *put) settle(ctx context.Context, group []numbered, cause error) (int, error) {
	verdict := batch.Judge(cause)
	if verdict == batch.Refused {
		return 0, fault.New(fault.Invalid, "write", p.w.fence.Filter, cause)
	}
	stored, err := p.lookUp(ctx, group)
	if err != nil {
		return 0, err
	}
	p.done(group[:stored])
	if stored == 0 && verdict != batch.Duplicate {
		return 0, p.wait(ctx, cause)
	}
	return stored, nil
}

// lookUp reads the newest message inside the fence until it gets an answer.
func (p *put) lookUp(ctx context.Context, group []numbered) (int, error) {
	for {
		newest, err := Read(ctx, p.w.js, p.w.fence)
		if err == nil {
			return p.compare(newest, group)
		}
		if err := p.wait(ctx, err); err != nil {
			return 0, err
		}
	}
}

// compare judges by the newest message how many of the group are stored.
func (p *put) compare(newest Newest, group []numbered) (int, error) {
	first, last := group[0].number, group[len(group)-1].number
	switch {
	case newest.Seq <= p.w.last:
		// Nothing was added; retention or a purge may have removed.
		p.w.last = newest.Seq
		return 0, nil
	case newest.Epoch != p.w.epoch || newest.Number > last:
		return 0, fault.New(fault.Conflict, "write", p.w.fence.Filter,
			fmt.Errorf("%w: epoch %d at sequence %d, ours is %d", ErrFenced, newest.Epoch, newest.Seq, p.w.epoch))
	case newest.Number < first:
		// An earlier message of ours arrived later than we thought.
		p.w.last = newest.Seq
		return 0, nil
	default:
		p.w.last = newest.Seq
		return int(newest.Number - first + 1), nil
	}
}

// wait pauses before another try, longer each time.
func (p *put) wait(ctx context.Context, cause error) error {
	p.pause = min(max(2*p.pause, firstPause), lastPause)
	select {
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "write", p.w.fence.Filter, errors.Join(cause, context.Cause(ctx)))
	case <-time.After(p.pause):
		return nil
	}
}
