package settle

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// clockSkew is how far the clocks of two NATS servers may be apart.
	clockSkew = time.Minute
	// scanTimeout bounds one reading of a subscription's outcomes, scanIdle
	// how long the server keeps its consumer unused.
	scanTimeout = time.Minute
	scanIdle    = 10 * time.Second
	scanBatch   = 500
)

// Last returns the outcome that was recorded last for a delivery, and false
// when none was recorded since a moment: when the delivery's message was
// stored. It is asked only when a message comes again, and reads OUTCOMES: one
// reading serves all who ask about a subscription meanwhile.
func (d *Desk) Last(ctx context.Context, ref delivery.Reference, since time.Time) (last delivery.Outcome, found bool, err error) {
	err = d.insist(ctx, "read outcomes", func() error {
		last, found, err = d.history.last(ctx, ref, since)
		return err
	})
	return last, found, err
}

// history reads the outcomes of subscriptions.
type history struct {
	js      jetstream.JetStream
	channel delivery.Channel

	mu   sync.Mutex
	subs map[string]*asked // by subject of the subscription's outcomes
}

// asked are the questions about one subscription. While one of the askers
// reads, the questions that come wait for the next reading.
type asked struct {
	reading bool
	waiting []*question
}

type question struct {
	id    string
	since time.Time
	// turn receives true when this asker is to read for all who wait, or is
	// closed when the answer is there.
	turn  chan bool
	last  delivery.Outcome
	found bool
	err   error
}

func newHistory(js jetstream.JetStream, ch delivery.Channel) *history {
	return &history{js: js, channel: ch, subs: map[string]*asked{}}
}

func (h *history) last(ctx context.Context, ref delivery.Reference, since time.Time) (delivery.Outcome, bool, error) {
	q := &question{id: ref.ID, since: since, turn: make(chan bool, 1)}
	filter := subject.OutcomesOf(h.channel, ref.Owner, ref.Subscription)
	h.ask(filter, q)
	// Not given up when ctx ends: it may be this asker's turn, and readings
	// are bounded.
	if read, ok := <-q.turn; ok && read {
		h.answer(context.WithoutCancel(ctx), filter)
		<-q.turn
	}
	return q.last, q.found, q.err
}

func (h *history) ask(filter string, q *question) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.subs[filter]
	if a == nil {
		a = &asked{}
		h.subs[filter] = a
	}
	a.waiting = append(a.waiting, q)
	if !a.reading {
		a.reading = true
		q.turn <- true
	}
}

// answer reads for all who wait, then gives the turn to one of those who came
// meanwhile.
func (h *history) answer(ctx context.Context, filter string) {
	h.mu.Lock()
	a := h.subs[filter]
	questions := a.waiting
	a.waiting = nil
	h.mu.Unlock()

	err := h.read(ctx, filter, questions)
	for _, q := range questions {
		q.err = err
		close(q.turn)
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	if len(a.waiting) == 0 {
		delete(h.subs, filter)
		return
	}
	a.waiting[0].turn <- true
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
	c, err := h.js.CreateConsumer(ctx, topology.Outcomes, jetstream.ConsumerConfig{
		FilterSubject: filter, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &from,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: scanIdle,
	})
	if err != nil {
		return fault.New(fault.Unavailable, "read outcomes", filter, err)
	}
	defer func() {
		_ = h.js.DeleteConsumer(ctx, topology.Outcomes, c.CachedInfo().Name) // else it goes by itself
	}()
	return drain(ctx, c, func(data []byte) { take(byID, data) })
}

// drain reads what the consumer had before it when it was made.
func drain(ctx context.Context, c jetstream.Consumer, see func([]byte)) error {
	for left := c.CachedInfo().NumPending; left > 0; {
		batch, err := c.Fetch(int(min(left, scanBatch)), jetstream.FetchContext(ctx))
		if err != nil {
			return fault.New(fault.Unavailable, "read outcomes", "", err)
		}
		n := uint64(0)
		for msg := range batch.Messages() {
			n++
			see(msg.Data())
		}
		if err := batch.Error(); err != nil {
			return fault.New(fault.Unavailable, "read outcomes", "", err)
		}
		if n == 0 {
			return nil // retention removed the rest
		}
		left -= min(n, left)
	}
	return nil
}

// idPrefix stands before a delivery's id in an encoded outcome.
const idPrefix = `"delivery":{"id":"`

// take answers the questions about an outcome's delivery. Outcomes of others
// are the most: they are passed over without decoding.
func take(byID map[string][]*question, data []byte) {
	_, rest, ok := bytes.Cut(data, []byte(idPrefix))
	if !ok {
		return
	}
	id, _, _ := bytes.Cut(rest, []byte{'"'})
	questions, ok := byID[string(id)]
	if !ok {
		return
	}
	var o delivery.Outcome
	if json.Unmarshal(data, &o) != nil {
		return
	}
	for _, q := range questions {
		q.last, q.found = o, true
	}
}
