package cursor

import (
	"errors"

	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/lease"
)

// ErrStale is returned when the checkpoint shows a later epoch: another holder
// took over.
var ErrStale = errors.New("another holder has taken over")

// replaced reports whether err only says that another holder is at work.
func replaced(err error) bool {
	return errors.Is(err, ErrStale) || errors.Is(err, fence.ErrFenced) || errors.Is(err, lease.ErrLost)
}
