// Package ledger makes the configuration writes of one owner happen one after
// another, over all buckets and all processes, so that a rule between two keys
// ("no delete of what is used") holds whatever the order of requests. It
// refuses to know any rule.
//
// Each owner has one record. A writer puts what it is about to write into the
// record by compare-and-set, and only then writes it; whoever comes next first
// finishes what the record holds. So a decision is always made on the outcome
// of the one before, no writer waits for another, and a writer that dies leaves
// nothing half done:
//
//	read record ─▶ finish its pending write ─▶ read buckets, decide
//	     ▲                                          │
//	     └──── another was first ◀── compare-and-set record ─▶ AUDIT ─▶ write the key
//
// Who changed what is kept in AUDIT between deciding and writing, so that no
// change is made that is not kept, and none is kept that is not made.
//
// Finishing is safe to repeat: the write expects the revision that its decision
// was made on, so it happens once. This needs every write of the buckets
// concerned to go through the record.
package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// attempts bounds how often a change is decided anew because another
	// process was first.
	attempts = 40
	// pause is the mean first wait between attempts; it grows linearly.
	pause = 2 * time.Millisecond
	// MaxValue is the greatest value that can be written: the record holds it
	// once more, and the server's limit for a message is 1 MiB.
	MaxValue = 512 << 10
)

// Write is one key to be written or deleted.
type Write struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// Value is a JSON text; nil deletes the key.
	Value json.RawMessage `json:"value,omitempty"`
	// Expect is the revision that the decision was made on.
	Expect uint64 `json:"expect"`
	// Entry is kept in AUDIT before the write is made; nil for none. Follows is
	// the sequence that it is kept behind, which [Ledger.Change] finds.
	Entry   *audit.Entry `json:"entry,omitempty"`
	Follows uint64       `json:"follows,omitempty"`
	// Closes says that the owner is deleted by this write, and when; nothing is
	// written for it from then on. Zero for any other write.
	Closes time.Time `json:"closes,omitzero"`
}

// record is the stored state of an owner.
type record struct {
	Pending *Write `json:"pending,omitempty"`
	// Seen is the revision of the last finished write by bucket: a reading
	// that shows less comes from a replica that is behind.
	Seen map[string]uint64 `json:"seen"`
	// Closed is set for an owner that was deleted.
	Closed *Closed `json:"closed,omitempty"`
}

// Ledger is the records of all owners.
type Ledger struct {
	js      jetstream.JetStream
	records *bucket.Bucket
	turns   turns
}

// Open returns the ledger. It makes no request.
func Open(js jetstream.JetStream) *Ledger {
	return &Ledger{js: js, records: bucket.Open(js, topology.Ledgers)}
}

// Decide reads through view and returns what is to be written, nil for
// nothing. It may be called several times.
type Decide func(ctx context.Context, view *View) (*Write, error)

// Change makes one change of an owner's configuration and returns the revision
// written, 0 when there was nothing to write. It fails with what decide fails
// with, whatever its kind, with [fault.Conflict] when others were first too
// often, and with [ErrClosed] for an owner that was deleted.
func (l *Ledger) Change(ctx context.Context, owner string, decide Decide) (uint64, error) {
	var revision uint64
	return revision, l.again(ctx, owner, func() (err error) {
		revision, err = l.try(ctx, owner, decide)
		return err
	})
}

// again makes attempts in the owner's turn until none is overtaken.
func (l *Ledger) again(ctx context.Context, owner string, try func() error) error {
	done, err := l.turns.take(ctx, owner)
	if err != nil {
		return err
	}
	defer done()
	for n := range attempts {
		if err := try(); !errors.Is(err, errOvertaken) {
			return err
		}
		if err := wait(ctx, rand.N(2*pause*time.Duration(n+1))); err != nil {
			return err
		}
	}
	return fault.New(fault.Conflict, "change configuration", owner, errBusy)
}

// try makes one attempt. It fails with errOvertaken when another writer was
// first, and only then.
func (l *Ledger) try(ctx context.Context, owner string, decide Decide) (uint64, error) {
	e, rec, err := l.finished(ctx, owner)
	if err == nil && rec.Closed != nil {
		err = closed(owner)
	}
	if err != nil {
		return 0, err
	}
	w, err := decide(ctx, &View{ledger: l, owner: owner, seen: rec.Seen})
	if err != nil || w == nil {
		return 0, err
	}
	if len(w.Value) > MaxValue {
		return 0, fault.New(fault.Invalid, "write "+w.Bucket, w.Key, errTooLarge)
	}
	if w.Entry != nil {
		// Where nothing can be kept, nothing is decided.
		if w.Follows, err = audit.Last(ctx, l.js, w.Entry.Owner); err != nil {
			return 0, err
		}
	}
	if rec.Pending = w; !w.Closes.IsZero() {
		rec.Closed = &Closed{At: w.Closes}
	}
	if err := l.record(ctx, e, rec); err != nil {
		return 0, err
	}
	return l.finish(ctx, w)
}

// record replaces the record that was read as e.
func (l *Ledger) record(ctx context.Context, e bucket.Entry, rec record) error {
	value, err := json.Marshal(rec)
	if err != nil {
		return fault.New(fault.Internal, "encode ledger", e.Key, err)
	}
	_, err = l.records.Put(ctx, e.Key, value, e.Revision)
	if fault.KindOf(err) == fault.Conflict {
		return errOvertaken
	}
	return err
}

// finished reads the record and finishes its pending write.
func (l *Ledger) finished(ctx context.Context, owner string) (bucket.Entry, record, error) {
	e, err := l.records.Get(ctx, owner)
	if err != nil {
		return e, record{}, err
	}
	rec := record{Seen: map[string]uint64{}}
	if e.Exists() {
		if err := json.Unmarshal(e.Value, &rec); err != nil {
			return e, record{}, fault.New(fault.Internal, "decode ledger", owner, err)
		}
	}
	if rec.Pending == nil {
		return e, rec, nil
	}
	revision, err := l.repeat(ctx, rec.Pending)
	if err != nil {
		return e, record{}, err
	}
	rec.Seen[rec.Pending.Bucket], rec.Pending = revision, nil
	return e, rec, nil
}

// repeat finishes a write that somebody has decided, and most likely made.
func (l *Ledger) repeat(ctx context.Context, w *Write) (uint64, error) {
	e, err := bucket.Open(l.js, w.Bucket).Get(ctx, w.Key)
	if err != nil || e.Revision > w.Expect {
		return e.Revision, err
	}
	return l.finish(ctx, w)
}

// finish makes a decided write, unless it is made already, and returns the
// key's revision.
func (l *Ledger) finish(ctx context.Context, w *Write) (uint64, error) {
	if w.Entry != nil {
		if err := audit.Change(ctx, l.js, w.Entry, w.Follows); err != nil {
			return 0, err
		}
	}
	b := bucket.Open(l.js, w.Bucket)
	var revision uint64
	var err error
	if w.Value == nil {
		revision, err = b.Delete(ctx, w.Key, w.Expect)
	} else {
		revision, err = b.Put(ctx, w.Key, w.Value, w.Expect)
	}
	if fault.KindOf(err) != fault.Conflict {
		return revision, err
	}
	// The key moved on, so the write is made: every write passes through here.
	e, err := b.Get(ctx, w.Key)
	return e.Revision, err
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
