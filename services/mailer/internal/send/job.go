package send

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/attempt"
)

// task is a message that stays in progress until it is settled.
type task interface {
	Done(ctx context.Context) error
	Release(ctx context.Context) error
}

// job is one delivery on its way.
type job struct {
	*attempt.Task
	task task
	// again is true when the task was delivered before: what became of that
	// is to be looked up. stored is when the task was stored.
	again  bool
	stored time.Time
}
