package attempt

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/mailer/internal/document"
	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/tokens"
)

// The fault points: a test build may end the process there.
const (
	// FaultNoted: the note is stored, nothing is sent.
	FaultNoted = "mailer-noted"
	// FaultSent: the server has answered, nothing is stored.
	FaultSent = "mailer-sent"
)

// Directory has the owners' present configuration.
type Directory interface {
	Owner(owner string) *directory.Snapshot
	Changes() (<-chan struct{}, func())
}

// Accounts reads accounts; the error is of kind NotFound where there is none.
type Accounts interface {
	Get(ctx context.Context, owner, id string) (*account.Account, error)
}

// Events reads events by their sequence.
type Events interface {
	Want(ctx context.Context, seq uint64)
	Get(ctx context.Context, seq uint64) (*event.Event, error)
}

// Documents reads the documents of owners. The error is of kind NotFound where
// there is none, Invalid where it is too large.
type Documents interface {
	Get(ctx context.Context, owner, key string) (*document.Document, error)
}

// Post sends letters. Held says until when it does not try a server, because
// the settings were at fault. Reserve waits for one of the server's
// connections, which is held until what became of the letter is on record.
type Post interface {
	Reserve(ctx context.Context, srv smtp.Server) (func(), error)
	Held(srv smtp.Server) (time.Time, bool)
	Send(ctx context.Context, srv smtp.Server, e letter.Envelope) ([]smtp.Reply, error)
}

// Links makes the links by which readers unsubscribe. The error is
// [unsubscribe.ErrNoBase] where they would lead nowhere.
type Links interface {
	For(r unsubscribe.Reader) (string, error)
}

// Suppressions tells who has unsubscribed.
type Suppressions interface {
	Has(ctx context.Context, owner, address string) (bool, error)
}

// Notices tells owners of what goes wrong. It does not block.
type Notices interface{ Raise(n notice.Notice) }

// Parts are what attempts are made with.
type Parts struct {
	Directory    Directory
	Accounts     Accounts
	Events       Events
	Documents    Documents
	Catalogue    *tokens.Catalogue
	Renderer     *render.Renderer
	Identities   *identity.Book
	Post         Post
	Links        Links
	Suppressions Suppressions
	// Desk takes the notes that attempts begin.
	Desk   *settle.Desk
	Policy verdict.Policy
	// Await is how documents that are not there are waited for.
	Await Await
	// Patience is how long the configuration may be later than the delivery
	// that names it.
	Patience time.Duration
	Notices  Notices
	Log      zerolog.Logger
	Now      func() time.Time
	Rand     io.Reader
	// Fault is called at the fault points; nil in production.
	Fault func(point string)
}

// Maker makes attempts. It may be used by many goroutines.
type Maker struct{ Parts }

// New returns a maker.
func New(p Parts) *Maker { return &Maker{Parts: p} }

var (
	errUnreadable = errors.New("a secret of the SMTP settings cannot be read")
	errNoSettings = errors.New("there are no SMTP settings to send through")
	errHeld       = errors.New("the SMTP settings were at fault and are not tried yet")
	errRepeat     = errors.New("a process ended while it sent the letter; whether it arrived is not known")
)

// Find returns the way of a task, or why there is none.
func (m *Maker) Find(t *Task) (*route.Route, *route.Refusal) {
	return route.Find(m.Directory.Owner(t.Delivery.Owner), &t.Delivery, t.frozen())
}

// Confirm returns why there is no way for a task once that is sure, nil where
// there is one by then: the configuration may be on its way. It waits for it,
// so it is not for a goroutine that has other work.
func (m *Maker) Confirm(ctx context.Context, t *Task, r *route.Refusal) *route.Refusal {
	changes, stop := m.Directory.Changes()
	defer stop()
	patience := time.NewTimer(m.Patience)
	defer patience.Stop()
	for r != nil && r.Early {
		_, r = m.Find(t)
		if r == nil || !r.Early {
			break
		}
		select {
		case <-changes:
		case <-patience.C:
			return r
		case <-ctx.Done():
			return r
		}
	}
	return r
}

// Refused ends a task that has no way, or has it tried again where the owner
// can repair that.
func (m *Maker) Refused(t *Task, r *route.Refusal) Made {
	if r.Result == delivery.Retrying {
		return m.Fail(t, "", errNoSettings)
	}
	return m.End(t, Ending{Result: r.Result, Reason: r.Reason, Detail: r.Detail})
}

// Ending is the end of a delivery that is not sent.
type Ending struct {
	Result         delivery.Result
	Reason, Detail string
}

// Error implements error.
func (e *Ending) Error() string { return e.Reason + ": " + e.Detail }

// End ends a delivery like an attempt: it is the last word on it.
func (m *Maker) End(t *Task, e Ending) Made {
	o := m.outcome(t)
	o.Result, o.Reason, o.Detail = e.Result, e.Reason, brief(e.Detail)
	if e.Result == delivery.Parked && t.Bag != nil {
		t.Bag.GiveUp()
	}
	return Made{Outcome: o}
}

// outcome begins the record of the next attempt.
func (m *Maker) outcome(t *Task) *delivery.Outcome {
	return &delivery.Outcome{
		AttemptID: delivery.AttemptID(m.Rand), Attempt: t.Attempts + 1,
		Delivery: t.Delivery, Channel: delivery.Email, At: m.Now(), Resent: !t.Resent.At.IsZero(),
	}
}

func (m *Maker) fault(point string) {
	if m.Fault != nil {
		m.Fault(point)
	}
}
