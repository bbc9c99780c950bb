package gather

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/batch"
)

// flush stores a group in the way that is faster. What was accepted is stored
// even when ctx has ended. A batch that was refused goes again singly, so that
// only the offending message fails.
func (g *Gatherer) flush(ctx context.Context, group []*entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	start := time.Now()
	if !g.pace.Batched(len(group)) {
		g.singles(ctx, group)
		g.pace.Learn(false, len(group), time.Since(start))
		return
	}
	msgs := make([]*nats.Msg, len(group))
	for i, e := range group {
		msgs[i] = e.msg
	}
	last, err := batch.Publish(ctx, g.js, msgs)
	switch {
	case err == nil:
		g.pace.Learn(true, len(group), time.Since(start))
		for i, e := range group {
			e.done <- result{seq: last - uint64(len(group)-1-i)}
		}
	case batch.Judge(err) == batch.Unknown:
		for _, e := range group {
			e.done <- result{err: g.failure(err)}
		}
	default:
		g.singles(ctx, group)
	}
}

// singles publishes all of the group before it waits for the first answer.
func (g *Gatherer) singles(ctx context.Context, group []*entry) {
	futures := make([]jetstream.PubAckFuture, len(group))
	for i, e := range group {
		f, err := g.js.PublishMsgAsync(e.msg)
		if err != nil {
			e.done <- result{err: g.failure(err)}
			continue
		}
		futures[i] = f
	}
	for i, f := range futures {
		if f != nil {
			group[i].done <- g.await(ctx, f)
		}
	}
}

func (g *Gatherer) await(ctx context.Context, f jetstream.PubAckFuture) result {
	select {
	case ack := <-f.Ok():
		return result{seq: ack.Sequence}
	case err := <-f.Err():
		return result{err: g.failure(err)}
	case <-ctx.Done():
		return result{err: g.failure(ctx.Err())}
	}
}
