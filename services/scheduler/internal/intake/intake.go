// Package intake takes events and changes of the configuration in for the
// planner: the work of the scheduler's cursor. It refuses to judge what is
// planned.
package intake

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/services/scheduler/internal/crew"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// Settings are what an intake is made of.
type Settings struct {
	Planner *planning.Planner
	// Configuration is the watched subscriptions, Accounts and Owners the
	// changes of the buckets that have time zones.
	Configuration    Configuration
	Accounts, Owners Changes
	// Derived is what owners want derived.
	Derived Derived
	// Carries reports whether a scheduled event of a kind may carry a token.
	Carries func(k matter.Kind, token string) bool
	Logger  zerolog.Logger
	Now     func() time.Time
	// Every is how often plans and timers are reconciled.
	Every time.Duration
	// Keep returns how long an owner's invoices are kept.
	Keep func(owner string) time.Duration
	// Hands is how many invoices are worked on at once.
	Hands int
}

// Derived is what owners want derived, as of the last loading.
type Derived interface {
	// Load takes in what is stored now.
	Load(ctx context.Context) error
	// Of returns what an owner wants.
	Of(owner string) owner.Derive
}

// Intake is the handler of the cursor. It belongs to the cursor's goroutine.
type Intake struct {
	settings Settings
	// seen is how far the configuration was taken in.
	seen seen
	// applied is what was planned by, for owners of which this holder knows.
	applied applied
	// days are those of services whose usage was taken in.
	days days
	// next is when to reconcile again.
	next time.Time
}

// New returns the handler.
func New(s Settings) *Intake { return &Intake{settings: s} }

// Begin makes up for what was lost while nobody worked.
func (i *Intake) Begin(ctx context.Context, s *cursor.Session) error {
	kept, err := decodeSeen(s.State())
	if err != nil {
		return err
	}
	i.seen, i.applied, i.next = kept, applied{}, time.Time{}
	i.days.clear()
	if err := i.settings.Derived.Load(ctx); err != nil {
		return err
	}
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
	return i.catchUp(ctx, s)
}

// Handle takes messages in, those of different invoices side by side.
func (i *Intake) Handle(ctx context.Context, s *cursor.Session, messages []cursor.Message) ([]cursor.Step, error) {
	if i.next.IsZero() {
		// What failed half-way may have left a plan without its timer.
		if err := i.Woken(ctx, s); err != nil {
			return nil, err
		}
	}
	for from := 0; from < len(messages); {
		n, err := i.takeSingles(ctx, messages[from:])
		if err == nil && from+n < len(messages) {
			err = i.takeMany(ctx, &messages[from+n])
		}
		if err != nil {
			i.next = time.Time{}
			return nil, err
		}
		from += n + 1
	}
	return make([]cursor.Step, len(messages)), nil
}

// takeSingles takes in the messages before the first that is about many
// invoices or services, and returns how many those are.
func (i *Intake) takeSingles(ctx context.Context, messages []cursor.Message) (n int, err error) {
	err = crew.Run(i.settings.Hands, func(give crew.Give) error {
		for n < len(messages) {
			t, ok := i.read(&messages[n])
			if ok && t.ofMany() {
				return nil
			}
			n++
			switch {
			case !ok:
			case t.ofService():
				give(t.serviceKey(), func() error { return i.takeService(ctx, t) })
			case t.invoice() != "":
				give(t.key(), func() error { return i.takeInvoice(ctx, t) })
			}
		}
		return nil
	})
	return n, err
}

func (i *Intake) takeInvoice(ctx context.Context, t taken) error {
	p := i.settings.Planner
	switch t.Type {
	case delivered:
		n := t.news(i.carried(t, matter.AfterDelivery))
		n.At = t.deliveredAt()
		return p.Deliver(ctx, n)
	case posted:
		return p.Post(ctx, t.news(i.carried(t, matter.Overdue)))
	case voided, deleted:
		return p.End(ctx, t.key(), t.news(nil))
	case overdue:
		return p.Tell(ctx, t.news(t.told()))
	}
	if told := t.told(); len(told) > 0 {
		return p.Learn(ctx, t.news(told))
	}
	return nil
}

// takeService takes in what an event says of a service, of an owner who wants
// dormancy derived.
func (i *Intake) takeService(ctx context.Context, t taken) error {
	p, key := i.settings.Planner, t.serviceKey()
	if t.Type == used {
		if i.days.known(key, t.Time) {
			return nil
		}
		through, err := p.See(ctx, t.serviceNews(i.carried(t, matter.Dormant)))
		if err == nil {
			i.days.remember(key, through)
		}
		return err
	}
	i.days.remember(key, time.Time{})
	if t.Type == dormant {
		return p.Sleep(ctx, t.serviceNews(nil))
	}
	if t.Type == serviceDeleted || t.cancelled() {
		return p.End(ctx, key, t.serviceNews(nil))
	}
	return nil
}

// takeMany takes in an event that ends all of an account, or of a package.
func (i *Intake) takeMany(ctx context.Context, m *cursor.Message) error {
	t, ok := i.read(m)
	if !ok || t.Account == "" {
		return nil
	}
	i.days.clear()
	return i.settings.Planner.EndAll(ctx, t.news(nil), t.concerns)
}

// carried returns the values of an event that a scheduled one of a kind may
// carry.
func (i *Intake) carried(t taken, k matter.Kind) event.Values {
	values := make(event.Values, len(t.Data))
	for token, v := range t.Data {
		if i.settings.Carries(k, token) {
			values[token] = v
		}
	}
	return values
}

// read decodes a message, unless it is about services of an owner who wants no
// dormancy derived. What cannot be read, which ingest never writes, is passed
// over.
func (i *Intake) read(m *cursor.Message) (taken, bool) {
	routed, err := subject.ParseEvent(m.Subject)
	if err == nil && ofServices[routed.Type] && i.settings.Derived.Of(routed.Owner).DormantAfterDays == 0 {
		return taken{}, false
	}
	t, err := decode(m)
	if err != nil {
		i.settings.Logger.Error().Err(err).Uint64("seq", m.Seq).Msg("event cannot be read; passed over")
		return taken{}, false
	}
	switch {
	case t.Type == delivered && t.invoice() == "":
		i.settings.Logger.Error().Str("owner", t.Owner).Str("event", t.ID).Msg("delivery names no invoice; nothing is planned")
	case t.ofService() && t.service() == "":
		return taken{}, false
	}
	return t, true
}
