// Package inbox takes one partition of INBOX into EVENTS: it is the work of a
// cursor, and with that the only writer of the partition. What admission
// refuses goes to REJECTED, confirmed, before the cursor moves on. It refuses
// to guess: what cannot be decided now, because something it must ask is
// down, is left where it is and tried again.
package inbox

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/services/ingest/internal/quota"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
)

// Owners reads owners.
type Owners interface {
	// Owner returns an owner; an error of kind NotFound when there is none.
	Owner(ctx context.Context, id string) (owner.Owner, error)
}

// Notices tells owners of what goes wrong. It does not block.
type Notices interface{ Raise(n notice.Notice) }

// Deps are what a handler is given.
type Deps struct {
	JS        jetstream.JetStream
	Owners    Owners
	Admission *admission.Admission
	Notices   Notices
	Logger    zerolog.Logger
}

// Handler is the work of the cursor of one partition. Its methods are called
// from one goroutine at a time.
type Handler struct {
	part   int
	deps   Deps
	quotas *meter
}

// New returns the handler of a partition.
func New(part int, deps Deps) *Handler {
	return &Handler{part: part, deps: deps, quotas: newMeter()}
}

// Begin takes over the counts of the holder before.
func (h *Handler) Begin(_ context.Context, s *cursor.Session) error {
	if err := h.quotas.restore(s.State()); err != nil {
		// Counts that cannot be read are no reason to stand still.
		h.deps.Logger.Error().Err(err).Int("partition", h.part).Msg("quotas begin anew")
		return h.quotas.restore(nil)
	}
	return nil
}

// Handle judges messages and returns the events to be stored.
func (h *Handler) Handle(ctx context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
	steps := make([]cursor.Step, len(msgs))
	var refused []rejection
	h.quotas.begin()
	for i, m := range msgs {
		e, refusal, err := h.judge(ctx, m)
		if err != nil {
			return nil, err
		}
		if refusal != nil {
			refused = append(refused, rejection{m, *refusal})
			continue
		}
		out, err := output(m, e)
		if err != nil {
			return nil, err
		}
		steps[i].Outputs = []cursor.Output{out}
	}
	if err := h.reject(ctx, refused); err != nil {
		return nil, err
	}
	used, err := h.quotas.used()
	if err != nil {
		return nil, err
	}
	if used != nil {
		s.SetState(used)
	}
	return steps, nil
}

// Woken implements [cursor.Handler]; nothing wakes this cursor.
func (h *Handler) Woken(context.Context, *cursor.Session) error { return nil }

// judge returns the event of a message or why it becomes none. An error means
// that neither can be said now.
func (h *Handler) judge(ctx context.Context, m cursor.Message) (*event.Event, *admission.Refusal, error) {
	from, err := subject.ParseInbox(m.Subject)
	if err != nil {
		return nil, nil, fmt.Errorf("read inbox message %d: %w", m.Seq, err)
	}
	o, err := h.deps.Owners.Owner(ctx, from.Owner)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil, admission.OwnerRefusal(), nil
	case err != nil:
		return nil, nil, fmt.Errorf("read inbox message %d: %w", m.Seq, err)
	}
	c, refusal := h.deps.Admission.Check(admission.Message{
		Input: envelope.Input{Body: m.Data, Header: m.Header, Type: from.Type},
		At:    m.Time, Internal: from.Internal,
	})
	if refusal != nil {
		return nil, refusal, nil
	}
	// What Billhook published itself was counted where it came in.
	if !from.Internal {
		v := h.quotas.take(o, m.Seq, m.Time, quota.Cost{Events: 1, Bytes: len(m.Data)})
		if v.Exceeded != "" {
			return nil, admission.QuotaRefusal(v.Exceeded), nil
		}
	}
	e, err := h.deps.Admission.Complete(ctx, o.ID, c)
	return e, nil, err
}

func output(m cursor.Message, e *event.Event) (cursor.Output, error) {
	data, err := e.Encode()
	if err != nil {
		return cursor.Output{}, err
	}
	from, err := subject.ParseInbox(m.Subject)
	if err != nil {
		return cursor.Output{}, fmt.Errorf("read inbox message %d: %w", m.Seq, err)
	}
	return cursor.Output{
		Subject: subject.Event(from.Part, e.Owner, e.Type), Data: data, MsgID: e.Owner + "/" + e.ID,
	}, nil
}
