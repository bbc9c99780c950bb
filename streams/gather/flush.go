package gather

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/batch"
)

// flush stores a group in the way that is faster. A batch that was refused
// goes again singly, so that only the offending message fails.
func (g *Gatherer) flush(ctx context.Context, group []*entry) {
	if !g.batched(len(group)) {
		g.singles(ctx, group)
		return
	}
	msgs := make([]*nats.Msg, len(group))
	for i, e := range group {
		msgs[i] = e.msg
	}
	start := time.Now()
	last, err := batch.Publish(ctx, g.js, msgs)
	switch {
	case err == nil:
		g.learn(true, len(group), time.Since(start))
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
	start := time.Now()
	futures := make([]jetstream.PubAckFuture, len(group))
	failed := false
	for i, e := range group {
		f, err := g.js.PublishMsgAsync(e.msg)
		if err != nil {
			e.done <- result{err: g.failure(err)}
			failed = true
			continue
		}
		futures[i] = f
	}
	for i, f := range futures {
		if f == nil {
			continue
		}
		r := g.await(ctx, f)
		failed = failed || r.err != nil
		group[i].done <- r
	}
	if !failed {
		g.learn(false, len(group), time.Since(start))
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

func (g *Gatherer) batched(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.Batched(n)
}

func (g *Gatherer) learn(batched bool, n int, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pace.Learn(batched, n, took)
}
