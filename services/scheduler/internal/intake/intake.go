// Package intake takes events in for the planner: the work of the scheduler's
// cursor. It refuses to judge what is planned.
package intake

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/services/scheduler/internal/wishes"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// Types of the events that are taken in.
const (
	delivered        = "invoice.delivery"
	voided           = "invoice.voided"
	deleted          = "invoice.deleted"
	accountCancelled = "account.cancellation"
	accountDeleted   = "account.deleted"
)

// Types returns the types of the events that are taken in.
func Types() []string {
	return []string{delivered, voided, deleted, accountCancelled, accountDeleted}
}

// Log reads the events of one owner.
type Log interface {
	// Of visits the events of a choice in order.
	Of(ctx context.Context, c Choice, visit func(*cursor.Message) error) error
}

// Choice is an owner's events of some types up to a sequence.
type Choice struct {
	Owner string
	Types []string
	Until uint64
}

// Settings are what an intake is made of.
type Settings struct {
	Planner       *planning.Planner
	Configuration wishes.Configuration
	Log           Log
	Logger        zerolog.Logger
	Now           func() time.Time
	// Every is how often plans and timers are reconciled, Keep how long
	// finished plans are kept.
	Every, Keep time.Duration
}

// Intake is the handler of the cursor. It belongs to the cursor's goroutine.
type Intake struct {
	settings Settings
	// filled is the revision of the bucket subscriptions up to which every
	// wish was planned for.
	filled uint64
	// next is when to reconcile again.
	next time.Time
}

// New returns the handler.
func New(s Settings) *Intake { return &Intake{settings: s} }

// state is what the checkpoint keeps.
type state struct {
	Filled uint64 `json:"filled"`
}

// Begin makes up for what was lost while nobody worked.
func (i *Intake) Begin(ctx context.Context, s *cursor.Session) error {
	var kept state
	if raw := s.State(); len(raw) > 0 {
		if err := json.Unmarshal(raw, &kept); err != nil {
			return fault.New(fault.Internal, "decode scheduler state", "", err)
		}
	}
	i.filled, i.next = kept.Filled, time.Time{}
	return i.Woken(ctx, s)
}

// Woken takes in what changed in the configuration, and reconciles when it is
// time to.
func (i *Intake) Woken(ctx context.Context, s *cursor.Session) error {
	if now := i.settings.Now(); !now.Before(i.next) {
		if err := i.settings.Planner.Reconcile(ctx, i.settings.Keep); err != nil {
			return err
		}
		i.next = now.Add(i.settings.Every)
	}
	return i.fill(ctx, s)
}

// Handle plans and cancels.
func (i *Intake) Handle(ctx context.Context, _ *cursor.Session, messages []cursor.Message) ([]cursor.Step, error) {
	for m := range messages {
		if err := i.take(ctx, &messages[m], nil); err != nil {
			return nil, err
		}
	}
	return make([]cursor.Step, len(messages)), nil
}

// take plans or cancels by one event, for some wishes or, where they are nil,
// for all that there are. What cannot be read, which ingest never writes, is
// passed over.
func (i *Intake) take(ctx context.Context, m *cursor.Message, some wishes.Wishes) error {
	routed, err := subject.ParseEvent(m.Subject)
	var e *event.Event
	if err == nil {
		e, err = event.Decode(m.Data)
	}
	if err != nil {
		i.settings.Logger.Error().Err(err).Uint64("seq", m.Seq).Msg("event cannot be read; passed over")
		return nil
	}
	switch e.Type {
	case delivered:
		if some == nil {
			some = wishes.Of(i.settings.Configuration.Owner(e.Owner))
		}
		return i.settings.Planner.Plan(ctx, planning.Delivery{Event: e, Seq: m.Seq, Part: routed.Part}, some)
	case accountCancelled, accountDeleted:
		return i.settings.Planner.Cancel(ctx, plan.OfAccount(e.Owner, e.Account), e.Type, m.Seq)
	case voided, deleted:
		if prefix, ok := planning.InvoiceKeys(e); ok {
			return i.settings.Planner.Cancel(ctx, prefix, e.Type, m.Seq)
		}
	}
	return nil
}

// fill plans for wishes that were heard of after deliveries had been taken in.
// It reads all that the log still has: an invoice that was delivered before
// the wish began counts while its moment is ahead.
func (i *Intake) fill(ctx context.Context, s *cursor.Session) error {
	// The revision is read first, so that the snapshots are no older.
	revision, position := i.settings.Configuration.Revision(), s.Position()
	if revision <= i.filled {
		return nil
	}
	for owner, snapshot := range i.settings.Configuration.Owners() {
		if snapshot.Revision <= i.filled {
			continue
		}
		late := wishes.Since(snapshot, i.filled)
		if len(late) == 0 {
			continue
		}
		chosen := Choice{Owner: owner, Types: Types(), Until: position}
		err := i.settings.Log.Of(ctx, chosen, func(m *cursor.Message) error { return i.take(ctx, m, late) })
		if err != nil {
			return err
		}
	}
	raw, err := json.Marshal(state{Filled: revision})
	if err != nil {
		return fault.New(fault.Internal, "encode scheduler state", "", err)
	}
	i.filled = revision
	s.SetState(raw)
	return nil
}
