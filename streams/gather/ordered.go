package gather

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/internal/batch"
)

// PublishAll stores msgs in their order, in as few atomic batches as they fit
// into, past what gathers. Errors are those of [Gatherer.Publish]. After an
// error the batches before are stored and nothing of those behind is; of the
// one that failed it may be unknown, when the error is of kind Unavailable.
func (g *Gatherer) PublishAll(ctx context.Context, msgs []*nats.Msg) error {
	for len(msgs) > 0 {
		n := batch.Fit(msgs)
		if _, err := batch.Publish(ctx, g.js, msgs[:n]); err != nil {
			return g.failure(err)
		}
		msgs = msgs[n:]
	}
	return nil
}
