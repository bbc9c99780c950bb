package intake

import (
	"context"
	"encoding/json"
	"iter"
	"maps"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/wishes"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
)

// Configuration is the owners' subscriptions as far as they are known.
type Configuration interface {
	// Owners returns every owner with its snapshot.
	Owners() iter.Seq2[string, *directory.Snapshot]
	// Revision returns up to which revision of the bucket the snapshots are.
	Revision() uint64
}

// Changes are those of a bucket of which every key is the beginning of keys of
// invoices.
type Changes interface {
	// Since returns the keys that were written or deleted behind a revision,
	// and the revision up to which that is so.
	Since(ctx context.Context, revision uint64) (keys []string, upTo uint64, err error)
}

// seen is how far the configuration was taken in: revisions of its buckets. The
// checkpoint keeps it. Whoever forgot some of it plans anew what is planned.
type seen struct {
	Subscriptions uint64 `json:"subscriptions"`
	Accounts      uint64 `json:"accounts"`
	Owners        uint64 `json:"owners"`
}

func decodeSeen(raw json.RawMessage) (seen, error) {
	var s seen
	if len(raw) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fault.New(fault.Internal, "decode scheduler state", "", err)
	}
	return s, nil
}

// applied are the wishes of owners by which all of their invoices are planned.
type applied map[string]matter.Wishes

// replanAll is from how many changed keys on all invoices are looked at.
const replanAll = 2000

// catchUp plans anew for what changed in the configuration since it was last
// looked at. It looks at the invoices, not at the log, which is shorter than
// schedules are.
func (i *Intake) catchUp(ctx context.Context, s *cursor.Session) error {
	before := i.seen
	if err := i.catchUpSubscriptions(ctx); err != nil {
		return err
	}
	for changes, revision := range map[Changes]*uint64{i.settings.Accounts: &i.seen.Accounts, i.settings.Owners: &i.seen.Owners} {
		keys, upTo, err := changes.Since(ctx, *revision)
		if err == nil && len(keys) > 0 {
			err = i.settings.Derived.Load(ctx)
		}
		if err == nil {
			err = i.replan(ctx, keys)
		}
		if err != nil {
			return err
		}
		*revision = upTo
	}
	if i.seen == before {
		return nil
	}
	raw, err := json.Marshal(i.seen)
	if err != nil {
		return fault.New(fault.Internal, "encode scheduler state", "", err)
	}
	s.SetState(raw)
	return nil
}

func (i *Intake) catchUpSubscriptions(ctx context.Context) error {
	// The revision is read first, so that the snapshots are no older.
	revision := i.settings.Configuration.Revision()
	if revision <= i.seen.Subscriptions {
		return nil
	}
	var changed []string
	now := applied{}
	for owner, snapshot := range i.settings.Configuration.Owners() {
		if snapshot.Revision <= i.seen.Subscriptions {
			continue
		}
		wanted := wishes.Of(snapshot)
		if known, ok := i.applied[owner]; !ok || !maps.Equal(known, wanted) {
			changed, now[owner] = append(changed, owner), wanted
		}
	}
	if err := i.replan(ctx, changed); err != nil {
		return err
	}
	maps.Copy(i.applied, now)
	i.seen.Subscriptions = revision
	return nil
}

func (i *Intake) replan(ctx context.Context, prefixes []string) error {
	if len(prefixes) == 0 {
		return nil
	}
	i.days.clear()
	switch n := len(prefixes); {
	case n > replanAll:
		return i.settings.Planner.Replan(ctx)
	}
	return i.settings.Planner.Replan(ctx, prefixes...)
}
