package ledger

import (
	"context"

	"github.com/billhook/billhook/config/bucket"
)

// View reads an owner's keys as they are after every finished change.
type View struct {
	ledger *Ledger
	owner  string
	seen   map[string]uint64
}

// View returns a reading of the owner's keys outside of a change.
func (l *Ledger) View(ctx context.Context, owner string) (*View, error) {
	_, rec, err := l.finished(ctx, owner)
	if err != nil {
		return nil, err
	}
	return &View{ledger: l, owner: owner, seen: rec.Seen}, nil
}

// Get returns the newest state of a key.
func (v *View) Get(ctx context.Context, bucketName, key string) (bucket.Entry, error) {
	return bucket.Open(v.ledger.js, bucketName).Get(ctx, key)
}

// List returns the existing keys of the owner in a bucket whose keys have the
// form owner.id.
func (v *View) List(ctx context.Context, bucketName string) ([]bucket.Entry, error) {
	return v.ledger.list(ctx, listing{bucket: bucketName, pattern: v.owner + ".*", seen: v.seen[bucketName]})
}

func newest(entries []bucket.Entry) uint64 {
	var revision uint64
	for _, e := range entries {
		revision = max(revision, e.Revision)
	}
	return revision
}

func existing(all []bucket.Entry) []bucket.Entry {
	out := all[:0]
	for _, e := range all {
		if e.Exists() {
			out = append(out, e)
		}
	}
	return out
}
