// Package send delivers emails: it takes tasks from the pools, renders the
// letters of each delivery, sends them and writes down what became of every
// recipient. It refuses to order deliveries: they are made as there is room.
//
//	task ─▶ made already? ─▶ lane of its SMTP settings ─▶ event ─▶ letters ─▶ note
//	                                                                           │
//	     done ◀─ outcome ◀─ retry set, or parked, or neither ◀─ verdict ◀─ SMTP
//
// Each step is stored before the next begins. A crash behind the note leaves
// open whether the server took the letters: they are sent again under the same
// Message-ID, and the outcome says that it is a repeat.
package send

import (
	"context"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/settle"
)

// The fault points: a test build may end the process there.
const (
	// FaultNoted: the note is stored, nothing is sent.
	FaultNoted = "mailer-noted"
	// FaultSent: the server has answered, nothing is stored.
	FaultSent = "mailer-sent"
	// FaultKept: the retry is set or the delivery parked, the attempt is not
	// recorded.
	FaultKept = "mailer-kept"
	// FaultRecorded: the attempt is recorded, the task not acknowledged.
	FaultRecorded = "mailer-recorded"
	// FaultSettled: the task is acknowledged.
	FaultSettled = "mailer-settled"
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

// Post sends letters. Held says until when it does not try a server, because
// the settings were at fault. Reserve waits for one of the server's
// connections, which is held until what became of the letters is on record.
type Post interface {
	Reserve(ctx context.Context, srv smtp.Server) (func(), error)
	Held(srv smtp.Server) (time.Time, bool)
	Send(ctx context.Context, srv smtp.Server, e letter.Envelope) ([]smtp.Reply, error)
}

// Parts are what a sender works with.
type Parts struct {
	Directory Directory
	Accounts  Accounts
	Events    Events
	Renderer  *render.Renderer
	Post      Post
	Desk      *settle.Desk
	Sealer    *secret.Sealer
	Policy    verdict.Policy
	// Limits bound what runs and waits; Lane is the greatest number of
	// deliveries of the same SMTP settings that run at once. Post bounds how
	// many of them are on the wire.
	Limits lane.Limits
	Lane   int
	// Patience is how long the configuration may be later than the delivery
	// that names it.
	Patience time.Duration
	Log      zerolog.Logger
	Now      func() time.Time
	Rand     io.Reader
	// Fault is called at the fault points; nil in production.
	Fault func(point string)
}

// wholeSecond rounds up: a message schedule truncates to whole seconds.
func wholeSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}

// skipped and parked begin the outcome of a delivery that ends unsent.
func skipped(reason, detail string) *ending {
	return &ending{result: delivery.Skipped, reason: reason, detail: detail}
}

func parked(reason, detail string) *ending {
	return &ending{result: delivery.Parked, reason: reason, detail: detail}
}
