package ledger

import (
	"context"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// Fence has every change of an owner that was decided before, but is not
// recorded yet, be decided anew: what other processes knew when they decided
// counts no more. What is recorded is finished, and no copy of it stays in the
// record.
func (l *Ledger) Fence(ctx context.Context, owner string) error {
	return l.again(ctx, owner, func() error {
		e, rec, err := l.finished(ctx, owner)
		if err != nil {
			return err
		}
		return l.record(ctx, e, rec)
	})
}

// Owners returns all owners that have a record, which is all that ever had
// anything configured.
func (l *Ledger) Owners(ctx context.Context) ([]string, error) {
	// The information comes from the leader; a replica that is behind may list.
	records, err := l.js.Stream(ctx, topology.BucketStream(topology.Ledgers))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "list owners", topology.Ledgers, err)
	}
	all, err := l.list(ctx, listing{bucket: topology.Ledgers, pattern: "*", seen: records.CachedInfo().State.LastSeq})
	if err != nil {
		return nil, err
	}
	owners := make([]string, len(all))
	for i, e := range all {
		owners[i] = e.Key
	}
	return owners, nil
}

// listing is a pattern of a bucket's keys, and up to which revision at least
// the answer must go.
type listing struct {
	bucket, pattern string
	seen            uint64
}

// list returns the existing keys.
func (l *Ledger) list(ctx context.Context, what listing) ([]bucket.Entry, error) {
	b := bucket.Open(l.js, what.bucket)
	for n := range attempts {
		all, err := b.List(ctx, what.pattern)
		if err != nil {
			return nil, err
		}
		if newest(all) >= what.seen {
			return existing(all), nil
		}
		if err := wait(ctx, pause<<min(n, 6)); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Unavailable, "list "+what.bucket, what.pattern, errBehind)
}
