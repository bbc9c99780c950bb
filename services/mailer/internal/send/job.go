package send

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/bag"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/streams/settle"
)

// Task is a message that stays in progress until it is settled.
type Task interface {
	Done(ctx context.Context) error
	Release(ctx context.Context) error
}

// job is one delivery on its way.
type job struct {
	settle.Work
	task Task
	// again is true when the task was delivered before: what became of that
	// is to be looked up. stored is when the task was stored.
	again  bool
	stored time.Time
	// bag is nil before the letters are rendered.
	bag *bag.Bag
	// repeat is true when an earlier process noted this attempt and told
	// nothing of its end; began is when that one rendered the letters.
	repeat bool
	began  time.Time
	// leave gives back the connection; nil while there is none. It may be
	// called again.
	leave func()
}

// frozen returns what rendered letters are routed by, nil for none.
func (j *job) frozen() *route.Frozen {
	if j.bag == nil {
		return nil
	}
	return &route.Frozen{SMTP: j.bag.SMTP, Email: j.bag.Email}
}

// freeze puts the bag into the work, for a retry or for PARKED.
func (j *job) freeze() error {
	if j.bag == nil {
		return nil
	}
	var err error
	j.Frozen, err = j.bag.Encode()
	return err
}
