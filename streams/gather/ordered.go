package gather

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/internal/batch"
)

// PublishAll stores msgs in their order, in as few atomic batches as they fit
// into, past what gathers. Errors are those of [Gatherer.Publish]. After an
// error the messages before are stored and nothing of those behind is; of the
// batch or message that failed it may be unknown, when the error is of kind
// Unavailable. Where the server takes no batch they go one after the other: a
// stream has only so many open batches, and whoever may publish to it can hold
// all of them.
func (g *Gatherer) PublishAll(ctx context.Context, msgs []*nats.Msg) error {
	for len(msgs) > 0 {
		n := batch.Fit(msgs)
		_, err := batch.Publish(ctx, g.js, msgs[:n])
		if batch.Judge(err) == batch.Passing {
			err = g.inTurn(ctx, msgs[:n])
		}
		if err != nil {
			return g.failure(err)
		}
		msgs = msgs[n:]
	}
	return nil
}

// inTurn stores each message before it publishes the next.
func (g *Gatherer) inTurn(ctx context.Context, msgs []*nats.Msg) error {
	for _, m := range msgs {
		if _, err := g.js.PublishMsg(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
