package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// ErrClosed says that an owner was deleted: nothing of it is written any more.
var ErrClosed = errors.New("the owner was deleted")

// Closed is what the record of a deleted owner says.
type Closed struct {
	At time.Time `json:"at"`
	// Erased is when nothing was left of what it had configured; zero while that
	// is under way.
	Erased time.Time `json:"erased,omitzero"`
}

// Closed returns what the record says of a deleted owner, nil for one that was
// not deleted.
func (l *Ledger) Closed(ctx context.Context, owner string) (*Closed, error) {
	_, rec, err := l.finished(ctx, owner)
	return rec.Closed, err
}

// Erased notes that nothing is left of a closed owner.
func (l *Ledger) Erased(ctx context.Context, owner string, at time.Time) error {
	return l.remark(ctx, owner, func(rec *record) { rec.Closed = &Closed{At: rec.Closed.At, Erased: at} })
}

// Reopen lets an owner be made anew whose record is closed and of which nothing
// is left: what was seen of its buckets is forgotten with it.
func (l *Ledger) Reopen(ctx context.Context, owner string) error {
	return l.remark(ctx, owner, func(rec *record) { *rec = record{Seen: map[string]uint64{}} })
}

// remark changes the record of a closed owner. One that is open is left alone.
func (l *Ledger) remark(ctx context.Context, owner string, change func(*record)) error {
	return l.again(ctx, owner, func() error {
		e, rec, err := l.finished(ctx, owner)
		if err != nil || rec.Closed == nil {
			return err
		}
		change(&rec)
		return l.record(ctx, e, rec)
	})
}

// closed is the failure to change what belongs to a deleted owner.
func closed(owner string) error {
	return fault.New(fault.NotFound, "change configuration of", owner, ErrClosed)
}
