// Package backlog reads again what a sender's pool acknowledged unsent: the
// deliveries of some subscriptions that lie in DELIVERIES from a sequence on
// and of which no outcome tells. Nothing is written for them; the one sequence
// is all that is stored.
//
// It stands on the acknowledgement floor of the pool's durable consumer: up to
// there every delivery is settled, and whatever was sent has its outcome, since
// outcomes are stored before tasks are acknowledged. So what lies up to the
// floor without an outcome was acknowledged unsent. It refuses to deliver, and
// to say where a backlog begins.
package backlog

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Reader reads the backlogs of a channel. It may be used by many goroutines.
type Reader struct {
	js      jetstream.JetStream
	channel delivery.Channel

	mu     sync.Mutex
	maxAge time.Duration
	asked  bool
}

// New returns a reader.
func New(js jetstream.JetStream, ch delivery.Channel) *Reader { return &Reader{js: js, channel: ch} }

// Floor returns the sequence in DELIVERIES up to which every delivery of a
// partition is settled: sent and recorded, or acknowledged unsent.
func (r *Reader) Floor(ctx context.Context, part int) (uint64, error) {
	ctx, cancel := api.Bound(ctx, r.js)
	defer cancel()
	name := topology.SenderDurable(r.channel, part)
	c, err := r.js.Consumer(ctx, topology.Deliveries, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fault.New(fault.Unavailable, "read acknowledgement floor", name, err)
	}
	return c.CachedInfo().AckFloor.Stream, nil
}

// Newest returns the sequence of the newest delivery of a partition, 0 where
// there is none.
func (r *Reader) Newest(ctx context.Context, part int) (uint64, error) {
	m, err := leader.Last(ctx, r.js, topology.Deliveries, subject.DeliveriesOf(r.channel, part))
	if err != nil {
		return 0, fault.New(fault.Unavailable, "read newest delivery", topology.Deliveries, err)
	}
	return m.Seq, nil
}

// MaxAge is how long DELIVERIES keeps what is not sent, as it was when that was
// first asked; 0 means for ever.
func (r *Reader) MaxAge(ctx context.Context) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked {
		return r.maxAge, nil
	}
	ctx, cancel := api.Bound(ctx, r.js)
	defer cancel()
	s, err := r.js.Stream(ctx, topology.Deliveries)
	if err != nil {
		return 0, fault.New(fault.Unavailable, "read stream", topology.Deliveries, err)
	}
	r.maxAge, r.asked = s.CachedInfo().Config.MaxAge, true
	return r.maxAge, nil
}

// Range is a part of DELIVERIES.
type Range struct {
	Part  int
	Owner string
	// Subscriptions are ids; "*" alone stands for all of the owner's.
	Subscriptions []string
	// From and Until are the first and the last sequence. The pool's floor
	// must have reached Until before the range is read.
	From, Until uint64
}

func (g *Range) filters(ch delivery.Channel) []string {
	out := make([]string, len(g.Subscriptions))
	for i, sub := range g.Subscriptions {
		out[i] = subject.Delivery(ch, g.Part, g.Owner, sub)
	}
	return out
}

// Waiting is a delivery of a backlog.
type Waiting struct {
	settle.Work
	Seq uint64
	// Stored is when the delivery was stored: retention counts from there.
	Stored time.Time
	// Subject and Data are the message's; Err says why it cannot be read.
	Subject string
	Data    []byte
	Err     error
}

// Page is some of what waits in a range.
type Page struct {
	Waiting []Waiting
	// Next is the sequence from which on to read further.
	Next uint64
}

// errFull ends a reading whose page is full.
var errFull = errors.New("page is full")

// Read returns what waits at the beginning of a range, at most so many
// deliveries. Those that are known are left out.
func (r *Reader) Read(ctx context.Context, g Range, most int, known Known) (Page, error) {
	page := Page{Next: g.Until + 1}
	if g.From > g.Until || len(g.Subscriptions) == 0 {
		return page, nil
	}
	stretch := scan.Stretch{Stream: topology.Deliveries, Filters: g.filters(r.channel), After: g.From - 1, Until: g.Until}
	err := scan.Read(ctx, r.js, stretch, func(m *cursor.Message) error {
		w := waiting(m)
		if w.Err == nil && known[w.Delivery.ID] {
			return nil
		}
		if page.Waiting = append(page.Waiting, w); len(page.Waiting) == most {
			page.Next = m.Seq + 1
			return errFull
		}
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return page, err
}

func waiting(m *cursor.Message) Waiting {
	w := Waiting{Seq: m.Seq, Stored: m.Time, Subject: m.Subject, Data: m.Data}
	w.Work, w.Err = settle.Read(m.Subject, m.Header, m.Data)
	return w
}

// Known are ids of deliveries that have an outcome.
type Known map[string]bool

// clockSkew is how far the clocks of two NATS servers may be apart.
const clockSkew = time.Minute

// Known returns the deliveries of a range that have an outcome. It must be
// asked after the floor has reached the range's end.
func (r *Reader) Known(ctx context.Context, g Range) (Known, error) {
	first, err := r.Read(ctx, g, 1, nil)
	if err != nil || len(first.Waiting) == 0 {
		return nil, err
	}
	return r.Since(ctx, g, first.Waiting[0].Stored)
}

// Since returns the deliveries to the subscriptions of a range that have an
// outcome, as far as they were stored at a moment or later.
func (r *Reader) Since(ctx context.Context, g Range, stored time.Time) (Known, error) {
	known := Known{}
	stretch := scan.Stretch{Stream: topology.Outcomes, HeadersOnly: true, Since: stored.Add(-clockSkew)}
	for _, sub := range g.Subscriptions {
		stretch.Filters = append(stretch.Filters, subject.OutcomesOf(r.channel, g.Owner, sub))
	}
	err := scan.Read(ctx, r.js, stretch, func(m *cursor.Message) error {
		known.add(m.Header)
		return nil
	})
	return known, err
}

// add adds the deliveries of a message's outcomes. A note that an attempt
// begins says nothing of its end.
func (k Known) add(h nats.Header) {
	results := h[settle.HeaderResult]
	for i, key := range h[settle.HeaderAttempt] {
		id, _, _ := strings.Cut(key, "/")
		if i < len(results) && delivery.Result(results[i]) != delivery.Sending {
			k[id] = true
		}
	}
}

// Count returns how many deliveries there are in DELIVERIES from a sequence on,
// to the subscriptions of the range: at most as many wait, since some may have
// been sent. Until is not looked at.
func (r *Reader) Count(ctx context.Context, g Range) (uint64, error) {
	if len(g.Subscriptions) == 0 {
		return 0, nil
	}
	n, err := scan.Count(ctx, r.js, scan.Stretch{Stream: topology.Deliveries, Filters: g.filters(r.channel), After: g.From - 1})
	if err != nil {
		return 0, fault.New(fault.Unavailable, "count backlog", g.Owner, err)
	}
	return n, nil
}
