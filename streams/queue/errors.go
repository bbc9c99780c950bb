package queue

import (
	"errors"

	"github.com/billhook/billhook/shared/fault"
)

// ErrGone says that there is no such queue, or none any more.
var ErrGone = errors.New("there is no such queue")

// ErrBusy says that as many requests of the owner, or of the queue, wait as may.
var ErrBusy = errors.New("too many requests wait for events")

// ErrClosed says that the desk does not work, or not any more.
var ErrClosed = errors.New("queues are not read here now")

// errRaced says that others changed the state of a queue again and again.
var errRaced = errors.New("others changed the queue meanwhile")

// errUnread says that the events of a queue cannot be read for now.
var errUnread = errors.New("its events cannot be read now")

// errFound ends a reading that has what it sought.
var errFound = errors.New("found")

// gone is [ErrGone] of a queue, of kind NotFound.
func (a Address) gone() error { return fault.New(fault.NotFound, "read queue", a.Queue, ErrGone) }

// unavailable is why a queue cannot be read now.
func (a Address) unavailable(err error) error {
	return fault.New(fault.Unavailable, "read queue", a.Queue, err)
}
