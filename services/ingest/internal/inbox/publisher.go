package inbox

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/streams/gather"
	"github.com/billhook/billhook/streams/subject"
)

const (
	// publishTimeout bounds how long a publisher waits for INBOX.
	publishTimeout = 10 * time.Second
	// batches is how many batches are under way at once; the server allows 50
	// a stream, over all instances.
	batches = 4
)

// Publisher stores admitted events in INBOX. It publishes where only Billhook
// may: that tells the cursor that an event was judged and counted already.
type Publisher struct {
	gatherer *gather.Gatherer
	slots    chan struct{}
}

// NewPublisher returns a publisher by a running gatherer of INBOX.
func NewPublisher(g *gather.Gatherer) *Publisher {
	return &Publisher{gatherer: g, slots: make(chan struct{}, batches)}
}

// Publish stores events of an owner in their order and returns once they are
// acknowledged. One event is stored together with those of other callers;
// several are atomic batches of their own, so that none passes another.
func (p *Publisher) Publish(ctx context.Context, owner string, events []admission.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	msgs := make([]*nats.Msg, len(events))
	for i, e := range events {
		msgs[i] = nats.NewMsg(subject.Internal(owner, e.Type))
		msgs[i].Data = e.Body
	}
	if len(msgs) == 1 {
		_, err := p.gatherer.Publish(ctx, msgs[0])
		return err
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return p.gatherer.PublishAll(ctx, msgs)
}
