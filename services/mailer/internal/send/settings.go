// Package send delivers emails out of order: it takes tasks from the pools, has
// the attempt of each made when there is room, and writes down what became of
// it.
//
//	task ─▶ made already? ─▶ lane of its SMTP settings ─▶ attempt
//	                                                         │
//	     done ◀─ outcome ◀─ retry set, or parked, or neither ◀─┘
//
// Each step is stored before the next begins.
package send

import (
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/mailer/internal/attempt"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/settle"
)

// The fault points, beside those of package attempt: a test build may end the
// process there.
const (
	// FaultKept: the retry is set or the delivery parked, the attempt is not
	// recorded.
	FaultKept = "mailer-kept"
	// FaultRecorded: the attempt is recorded, the task not acknowledged.
	FaultRecorded = "mailer-recorded"
	// FaultSettled: the task is acknowledged.
	FaultSettled = "mailer-settled"
)

// Notices tells owners of what goes wrong. It does not block.
type Notices interface{ Raise(n notice.Notice) }

// Parts are what a sender works with.
type Parts struct {
	Maker *attempt.Maker
	Desk  *settle.Desk
	// Limits bound what runs and waits, Connections is how many there are at
	// most to the server of the same SMTP settings.
	Limits      lane.Limits
	Connections int
	Notices     Notices
	Log         zerolog.Logger
	// Fault is called at the fault points; nil in production.
	Fault func(point string)
}
