package settle

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/convoy"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// clockSkew is how far the clocks of two NATS servers may be apart.
	clockSkew = time.Minute
	// scanTimeout bounds one reading of a subscription's outcomes, and
	// batchTimeout a batch of it. scanIdle is how long the server keeps its
	// consumer unused.
	scanTimeout  = 5 * time.Minute
	batchTimeout = 10 * time.Second
	scanIdle     = 15 * time.Second
	scanBatch    = 500
)

// Past is what was recorded last for a delivery, of its last attempt.
type Past struct {
	Attempt int
	Result  delivery.Result
	// At is when that attempt began.
	At time.Time
}

// Made reports whether what became of an attempt is on record: then it must
// not be made again. A note that it began says nothing of its end.
func (p Past) Made(attempt int) bool {
	return p.Attempt > attempt || p.Attempt == attempt && p.Result != delivery.Sending
}

// Last returns what was recorded last for a delivery since a moment: when the
// message that asks for it was stored. The zero Past means nothing. It is
// asked only when a message comes again, and reads OUTCOMES: one reading
// serves all who ask about a subscription meanwhile.
func (d *Desk) Last(ctx context.Context, ref *delivery.Reference, since time.Time) (last Past, err error) {
	err = d.insist(ctx, "read outcomes", ref, func(context.Context) error {
		last, err = d.history.last(ctx, ref, since)
		return err
	})
	return last, err
}

// history reads the outcomes of subscriptions.
type history struct {
	js      jetstream.JetStream
	channel delivery.Channel
	// asked are the questions, by the subject of the subscription's outcomes.
	asked convoy.Convoys[string, question]
}

type question struct {
	id    string
	since time.Time
	last  Past
	err   error
}

func newHistory(js jetstream.JetStream, ch delivery.Channel) *history {
	return &history{js: js, channel: ch}
}

func (h *history) last(ctx context.Context, ref *delivery.Reference, since time.Time) (Past, error) {
	q := &question{id: ref.ID, since: since}
	filter := subject.OutcomesOf(h.channel, ref.Owner, ref.Subscription)
	h.asked.Join(ctx, filter, q, func(ctx context.Context, all []*question) {
		err := h.read(ctx, filter, all)
		for _, q := range all {
			q.err = err
		}
	})
	return q.last, q.err
}

// read reads the subscription's outcomes once, from the earliest moment asked
// about up to those stored when the reading began.
func (h *history) read(ctx context.Context, filter string, questions []*question) error {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	byID := map[string][]*question{}
	from := questions[0].since
	for _, q := range questions {
		byID[q.id] = append(byID[q.id], q)
		if q.since.Before(from) {
			from = q.since
		}
	}
	from = from.Add(-clockSkew)
	c, err := h.consumer(ctx, filter, from)
	if err != nil {
		return fault.New(fault.Unavailable, "read outcomes", filter, err)
	}
	defer h.forget(ctx, c)
	return drain(ctx, c, func(h nats.Header) { take(byID, h) })
}

// consumer makes a consumer for one reading.
func (h *history) consumer(ctx context.Context, filter string, from time.Time) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return h.js.CreateConsumer(ctx, topology.Outcomes, jetstream.ConsumerConfig{
		FilterSubject: filter, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &from,
		AckPolicy: jetstream.AckNonePolicy, HeadersOnly: true, MemoryStorage: true, Replicas: 1, InactiveThreshold: scanIdle,
	})
}

// forget removes the consumer of a reading. If that fails it goes by itself.
func (h *history) forget(ctx context.Context, c jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	_ = h.js.DeleteConsumer(ctx, topology.Outcomes, c.CachedInfo().Name)
}

// drain reads what the consumer had before it when it was made.
func drain(ctx context.Context, c jetstream.Consumer, see func(nats.Header)) error {
	for left := c.CachedInfo().NumPending; left > 0; {
		n, err := fetch(ctx, c, int(min(left, scanBatch)), see)
		if err != nil {
			return fault.New(fault.Unavailable, "read outcomes", "", err)
		}
		left -= min(n, left)
	}
	return nil
}

// fetch reads up to most outcomes. That none comes is an error: either the
// consumer is gone, or retention removed the rest, and another reading tells.
func fetch(ctx context.Context, c jetstream.Consumer, most int, see func(nats.Header)) (n uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	batch, err := c.Fetch(most, jetstream.FetchContext(ctx))
	if err != nil {
		return 0, err
	}
	for msg := range batch.Messages() {
		n++
		see(msg.Headers())
	}
	if err = batch.Error(); err == nil && n == 0 {
		err = errCut
	}
	return n, err
}

// take answers the questions about the deliveries of a message's outcomes. What
// is not of the desk's own writing is passed over.
func take(byID map[string][]*question, h nats.Header) {
	results, times := h[HeaderResult], h[HeaderAt]
	for i, key := range h[HeaderAttempt] {
		id, number, _ := strings.Cut(key, "/")
		attempt, err := strconv.Atoi(number)
		questions := byID[id]
		if err != nil || len(questions) == 0 || i >= len(results) || i >= len(times) {
			continue
		}
		p := Past{Attempt: attempt, Result: delivery.Result(results[i])}
		p.At, _ = time.Parse(time.RFC3339Nano, times[i]) // zero when it is not there
		for _, q := range questions {
			if p.Attempt >= q.last.Attempt { // the record of an attempt may come after the next one's
				q.last = p
			}
		}
	}
}
