package gather

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/batch"
)

// flush stores a group in the way that is faster. What was accepted is stored
// even when ctx has ended.
func (g *Gatherer) flush(ctx context.Context, group []*entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	for parcels := g.parcels(group); len(parcels) > 0; {
		n, batched := g.pace.Next(len(parcels))
		if batched {
			g.batch(ctx, parcels[:n])
		} else {
			start := time.Now()
			g.singles(ctx, parcels[:n])
			g.pace.Learn(n, time.Since(start))
		}
		parcels = parcels[n:]
	}
}

// batch stores parcels whole. If they are refused they go again singly, so
// that only the offending message fails.
func (g *Gatherer) batch(ctx context.Context, parcels []*parcel) {
	msgs := make([]*nats.Msg, len(parcels))
	for i, p := range parcels {
		msgs[i] = p.msg
	}
	last, err := batch.Publish(ctx, g.js, msgs)
	switch {
	case err == nil:
		for i, p := range parcels {
			p.end(result{seq: last - uint64(len(parcels)-1-i)})
		}
	case batch.Judge(err) == batch.Unknown:
		for _, p := range parcels {
			p.end(result{err: g.failure(err)})
		}
	default:
		g.singles(ctx, parcels)
	}
}

// singles publishes all parcels before it waits for the first answer.
func (g *Gatherer) singles(ctx context.Context, parcels []*parcel) {
	futures := make([]jetstream.PubAckFuture, len(parcels))
	for i, p := range parcels {
		f, err := g.js.PublishMsgAsync(p.msg)
		if err != nil {
			g.fail(ctx, p, err)
			continue
		}
		futures[i] = f
	}
	for i, f := range futures {
		if f != nil {
			g.await(ctx, parcels[i], f)
		}
	}
}

// await ends a parcel with what the server answers.
func (g *Gatherer) await(ctx context.Context, p *parcel, f jetstream.PubAckFuture) {
	select {
	case ack := <-f.Ok():
		p.end(result{seq: ack.Sequence})
	case err := <-f.Err():
		g.fail(ctx, p, err)
	case <-ctx.Done():
		p.end(result{err: g.failure(ctx.Err())})
	}
}

// fail ends a parcel that was not stored. One that is refused for itself is
// taken apart, so that only the offending message fails.
func (g *Gatherer) fail(ctx context.Context, p *parcel, err error) {
	if err = g.failure(err); len(p.of) > 1 && fault.KindOf(err) == fault.Invalid {
		g.singles(ctx, alone(p.of))
		return
	}
	p.end(result{err: err})
}
