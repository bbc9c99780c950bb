package lease

import "errors"

// ErrHeld is returned when somebody else holds the lease.
var ErrHeld = errors.New("lease is held")

// ErrLost is the cause of the end of the context of work whose lease could not
// be renewed.
var ErrLost = errors.New("lease was lost")
