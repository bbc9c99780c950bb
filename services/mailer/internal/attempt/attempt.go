// Package attempt makes one attempt of an email delivery: it renders and
// freezes the letters where that is not done yet, sends the one whose turn it
// is, and judges what became of each recipient. What follows is the caller's,
// who stores the outcome: this package knows neither pools nor orders.
//
//	task ─▶ settings opened ─▶ event ─▶ letters ─▶ note ─▶ connection ─▶ SMTP ─▶ outcome
//
// A delivery may have several letters, one for each contact written to. Each
// attempt sends one of them and has an outcome of its own, so a crash leaves
// open what became of no more than one. A crash behind the note means that it
// is sent again under the same Message-ID.
package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/bag"
	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/settle"
)

// Task is a delivery of which the next attempt is to be made. The attempt
// counts itself in it.
type Task struct {
	settle.Work
	// Bag is nil before the letters are rendered.
	Bag *bag.Bag
	// Repeat is true when an earlier process noted this attempt and told
	// nothing of its end.
	Repeat bool
	// Began is the moment that the letters have wherever they are rendered:
	// when that process did, or in order when their event was stored. Zero is
	// now.
	Began time.Time
	// Event is the delivery's, where it is at hand.
	Event *event.Event
	// InOrder is that of an in-order subscription, whose holder stores every
	// outcome himself; Forever plans another attempt after every failure that
	// may pass.
	InOrder, Forever bool

	// sealed is the first letter without its document as it goes on the wire,
	// where it was just built.
	sealed *letter.Envelope
}

// Open reads the bag of work that has one.
func Open(w settle.Work) (*Task, error) {
	t := &Task{Work: w}
	var err error
	if len(w.Frozen) > 0 {
		t.Bag, err = bag.Decode(w.Frozen)
	}
	return t, err
}

// Revive begins anew with what somebody asked for again: the patience with the
// settings too.
func (t *Task) Revive() {
	t.First = time.Time{}
	if t.Bag != nil {
		t.Bag.Revive()
	}
}

// Freeze puts the bag into the work, for a retry or for PARKED.
func (t *Task) Freeze() error {
	if t.Bag == nil {
		return nil
	}
	t.Bag.Tidy()
	var err error
	t.Frozen, err = t.Bag.Encode()
	return err
}

// frozen returns what rendered letters are routed by, nil for none.
func (t *Task) frozen() *route.Frozen {
	if t.Bag == nil {
		return nil
	}
	return &route.Frozen{SMTP: t.Bag.SMTP, Email: t.Bag.Email}
}

// Made is what became of an attempt.
type Made struct {
	// Outcome is complete but for being stored.
	Outcome *delivery.Outcome
	// Leave gives back the connection; nil where there was none. It is called
	// when the outcome is stored: so a crash leaves open no more letters than
	// there are connections.
	Leave func()
	// Hopeless is true where no repeat can mend what is given up.
	Hopeless bool
}

// Later says that no attempt was made, and when to try again.
type Later struct {
	At  time.Time
	Err error
}

// Error implements error.
func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns the cause.
func (l *Later) Unwrap() error { return l.Err }

// soon is after what time it is tried again where something of ours was away.
const soon = 5 * time.Second

// Make makes the next attempt of t along r. The error is a [*Later], or that
// of ctx: nothing is known of the attempt then.
func (m *Maker) Make(ctx context.Context, t *Task, r *route.Route) (Made, error) {
	who, err := m.Identities.Open(t.Delivery.Owner, r.Settings)
	if err != nil {
		t.Logger(m.Log).Error().Err(err).Str("smtp", r.Settings.ID).Msg("SMTP settings cannot be used")
		return m.Fail(t, r.Settings.ID, errUnreadable), nil
	}
	if until, ok := m.Post.Held(who.Server); ok {
		return Made{}, &Later{At: until.Add(time.Duration(m.Policy.Rand(int64(m.Policy.Pace/4) + 1))), Err: errHeld}
	}
	fresh := t.Bag == nil
	err = m.prepare(ctx, t, preparing{r, who})
	o := m.outcome(t)
	o.Target = r.Settings.ID
	switch {
	case errors.Is(err, unsubscribe.ErrNoBase):
		return m.unlinked(t, o, err), nil
	case err != nil:
		return m.unprepared(ctx, t, err)
	}
	if o.Recipients, err = m.spare(ctx, t); err != nil {
		return m.unprepared(ctx, t, err)
	}
	if !t.Bag.Waiting() {
		return unwanted(t, o), nil
	}
	if t.Repeat && m.Policy.Hold {
		return m.judge(t, o, sent{t.Bag.Next(), &smtp.Failure{Class: smtp.Ambiguous, Stage: "data", Err: errRepeat}}), nil
	}
	if err := m.note(ctx, t, o, fresh); err != nil {
		return Made{}, err
	}
	m.fault(FaultNoted)
	leave, err := m.Post.Reserve(ctx, who.Server)
	if err != nil {
		return Made{}, err
	}
	made, err := m.pass(ctx, t, who, o)
	made.Leave = leave
	if err != nil {
		leave()
	}
	m.fault(FaultSent)
	return made, err
}

// note records that the attempt begins. For letters that are not frozen it
// holds the moment they were rendered at.
func (m *Maker) note(ctx context.Context, t *Task, o *delivery.Outcome, fresh bool) error {
	if t.InOrder {
		return nil
	}
	n := *o
	n.Result = delivery.Sending
	if fresh {
		n.At = t.Bag.At
	}
	return m.Desk.Record(ctx, &n)
}

// pass sends the letter whose turn it is to those who wait for it.
func (m *Maker) pass(ctx context.Context, t *Task, who *identity.Identity, o *delivery.Outcome) (Made, error) {
	l := t.Bag.Next()
	o.Letter = &delivery.Letter{
		Number: l.Number, Of: t.Bag.Of, MessageID: letter.MessageID(l.Content.Key, l.Content.From.Addr),
		Email: t.Bag.Email, Revision: t.Bag.Revision,
	}
	e, absent, err := m.seal(ctx, t, who)
	if err != nil {
		return Made{}, err
	}
	if absent != nil {
		return m.undocumented(t, o, absent), nil
	}
	replies, err := m.Post.Send(ctx, who.Server, e)
	var f *smtp.Failure
	if err != nil && !errors.As(err, &f) {
		f = &smtp.Failure{Class: smtp.Transient, Stage: "dial", Err: err}
	}
	if f != nil && t.InOrder && ctx.Err() != nil {
		return Made{}, context.Cause(ctx)
	}
	for _, r := range l.Apply(replies, f) {
		r.Detail = brief(who.Server.Redact(r.Detail))
		o.Recipients = append(o.Recipients, r)
		t.Bag.Arrived = t.Bag.Arrived || r.Result == delivery.Delivered
	}
	if f != nil {
		f.Err = errors.New(who.Server.Redact(f.Err.Error()))
	}
	return m.judge(t, o, sent{l, f}), nil
}
