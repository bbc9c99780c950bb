// Package history answers how many attempts of a delivery are recorded. It is
// asked for tasks that are delivered again: their earlier delivery may have
// ended between its record and its acknowledgement. Questions that come while
// a reading is under way share the next one.
package history

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/webhook-sender/internal/record"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// filters bounds the subscriptions that a reading filters on; for more of
	// them it reads all outcomes of the channel.
	filters = 32
	// readTimeout bounds one reading.
	readTimeout = 2 * time.Minute
)

// History reads OUTCOMES. It may be used by many goroutines.
type History struct {
	js   jetstream.JetStream
	work sync.WaitGroup

	mu      sync.Mutex
	pending []*question
	reading bool
}

// question is one delivery that is asked for; what follows done is written
// before done is closed.
type question struct {
	ref   *delivery.Reference
	since time.Time
	done  chan struct{}
	made  int
	err   error
}

// New returns a history. It makes no request.
func New(js jetstream.JetStream) *History { return &History{js: js} }

// Made returns the greatest attempt that is recorded of a delivery, 0 when
// there is none. since is when its task was stored: no outcome is older.
func (h *History) Made(ctx context.Context, ref *delivery.Reference, since time.Time) (int, error) {
	q := &question{ref: ref, since: since, done: make(chan struct{})}
	h.mu.Lock()
	h.pending = append(h.pending, q)
	if !h.reading {
		h.reading = true
		shared := context.WithoutCancel(ctx) // others wait for it too
		h.work.Go(func() { h.drain(shared) })
	}
	h.mu.Unlock()
	select {
	case <-q.done:
		return q.made, q.err
	case <-ctx.Done():
		return 0, fault.New(fault.Unavailable, "read outcomes of", ref.ID, ctx.Err())
	}
}

// Close waits for the readings under way. Nobody may ask any more.
func (h *History) Close() { h.work.Wait() }

func (h *History) drain(ctx context.Context) {
	for {
		h.mu.Lock()
		group := h.pending
		h.pending = nil
		if h.reading = len(group) > 0; !h.reading {
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		h.answer(ctx, group)
	}
}

// answer reads once for a group.
func (h *History) answer(ctx context.Context, group []*question) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	wanted := map[string]int{}
	subjects := map[string]bool{}
	since := group[0].since
	for _, q := range group {
		wanted[q.ref.ID] = 0
		subjects[subject.OutcomesOf(delivery.Webhook, q.ref.Owner, q.ref.Subscription)] = true
		if q.since.Before(since) {
			since = q.since
		}
	}
	err := h.read(ctx, since, subjects, func(key string) {
		id, attempt, _ := strings.Cut(key, "/")
		if made, ok := wanted[id]; ok {
			n, _ := strconv.Atoi(attempt) // 0 is nothing recorded
			wanted[id] = max(made, n)
		}
	})
	for _, q := range group {
		q.made = wanted[q.ref.ID]
		if err != nil {
			q.err = fault.New(fault.Unavailable, "read outcomes of", q.ref.ID, err)
		}
		close(q.done)
	}
}

// read calls see with the attempt key of every outcome from since to the end
// that the stream has now.
func (h *History) read(ctx context.Context, since time.Time, subjects map[string]bool, see func(key string)) error {
	cfg := jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since, HeadersOnly: true,
	}
	if len(subjects) > filters {
		subjects = map[string]bool{subject.OutcomesIn(delivery.Webhook): true}
	}
	for s := range subjects {
		cfg.FilterSubjects = append(cfg.FilterSubjects, s)
	}
	consumer, err := h.js.OrderedConsumer(ctx, topology.Outcomes, cfg)
	if err != nil {
		return err
	}
	left := consumer.CachedInfo().NumPending
	if left == 0 {
		return nil
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for ; left > 0; left-- {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		see(msg.Headers().Get(record.HeaderAttempt))
		if meta, err := msg.Metadata(); err == nil && meta.NumPending == 0 {
			return nil
		}
	}
	return nil
}
