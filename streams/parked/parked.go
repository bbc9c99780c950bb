// Package parked reads PARKED: the deliveries that were given up, each with the
// reason and with what a resend needs. It refuses to say what became of them
// since; that is in OUTCOMES.
package parked

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Letter is a dead letter. What would be sent stays where it is: see [Open].
type Letter struct {
	Delivery delivery.Reference
	Channel  delivery.Channel
	// Attempt is the number of the outcome that gave the delivery up.
	Attempt int
	// Reason is why; Target is the endpoint or the SMTP settings, empty where
	// none was known.
	Reason, Target string
	// First is when the first attempt was made, zero where none was.
	First time.Time
	// Frozen is true where the bytes that would be sent are kept.
	Frozen bool
	// Seq is its sequence in PARKED, Stored when it was put there, by the
	// server's clock.
	Seq    uint64
	Stored time.Time
}

// Query says which letters are asked for. Owner is needed; what else is empty
// takes all. From Since up to and with Until counts when a letter was stored.
type Query struct {
	Owner, Subscription string
	Channel             delivery.Channel
	Delivery            string
	Target              string
	Reason              string
	Account             string
	Since, Until        time.Time
}

// List returns the newest letter of each delivery that the query asks for,
// oldest first. What cannot be read as a delivery is among them, without an id.
func List(ctx context.Context, js jetstream.JetStream, q Query) ([]Letter, error) {
	newest := map[string]Letter{}
	var out []Letter
	stretch := scan.Stretch{Stream: topology.Parked, Filters: []string{subject.ParkedOf(q.Channel, q.Owner, q.Subscription)}, Since: q.Since}
	err := scan.Read(ctx, js, stretch, func(m *cursor.Message) error {
		l, err := Decode(m)
		switch {
		case err != nil:
			return err
		case l.Delivery.ID != "":
			newest[l.Delivery.ID] = l
		case q.asks(&l):
			out = append(out, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, l := range newest {
		if q.asks(&l) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Letter) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, nil
}

func (q *Query) asks(l *Letter) bool {
	ref := &l.Delivery
	return same(q.Delivery, ref.ID) && same(q.Target, l.Target) && same(q.Reason, l.Reason) && same(q.Account, ref.Account) &&
		(q.Until.IsZero() || !l.Stored.After(q.Until))
}

func same(asked, is string) bool { return asked == "" || asked == is }

// Decode reads a message of PARKED.
func Decode(m *cursor.Message) (Letter, error) {
	w, err := settle.Decode(m.Header, m.Data)
	if err != nil {
		return Letter{}, err
	}
	channel, err := subject.ParseParked(m.Subject)
	if err != nil {
		return Letter{}, fault.New(fault.Internal, "read parked delivery at", m.Subject, err)
	}
	_, number, _ := strings.Cut(m.Header.Get(settle.HeaderAttempt), "/")
	attempt, err := strconv.Atoi(number)
	if err != nil {
		return Letter{}, fault.New(fault.Internal, "read parked delivery", w.Delivery.ID, err)
	}
	return Letter{
		Delivery: w.Delivery, Channel: channel, Attempt: attempt, First: w.First, Frozen: len(w.Frozen) > 0,
		Reason: m.Header.Get(settle.HeaderReason), Target: m.Header.Get(settle.HeaderTarget), Seq: m.Seq, Stored: m.Time,
	}, nil
}

// Open returns what a letter keeps. The error is of kind NotFound when retention
// removed it.
func Open(ctx context.Context, js jetstream.JetStream, seq uint64) (settle.Work, error) {
	const op = "read parked delivery"
	at := strconv.FormatUint(seq, 10)
	s, err := js.Stream(ctx, topology.Parked)
	if err != nil {
		return settle.Work{}, fault.New(fault.Unavailable, op, at, err)
	}
	m, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return settle.Work{}, fault.New(fault.NotFound, op, at, err)
	}
	if err != nil {
		return settle.Work{}, fault.New(fault.Unavailable, op, at, err)
	}
	w, err := settle.Decode(m.Header, m.Data)
	if err != nil {
		return settle.Work{}, err
	}
	w.Header = bare(w.Header)
	return w, nil
}

// bare leaves what a channel added.
func bare(h nats.Header) nats.Header {
	for _, name := range []string{settle.HeaderReason, settle.HeaderTarget, settle.HeaderAttempt} {
		h.Del(name)
	}
	return h
}
