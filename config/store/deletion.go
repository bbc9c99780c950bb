package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// ErrReserved says that an owner of an id was deleted, and that streams still
// remember it: a new one of that id would be taken for the former.
var ErrReserved = errors.New("an owner of this id was deleted, and streams still remember it")

// errStill is returned where something of a deleted owner comes again and again.
var errStill = errors.New("something of it is still written; delete it once more")

// DeleteOwner deletes an owner with all that it has, and returns how much that
// was. Without cascade one that has anything is refused, with the counts as
// problems, within an error of kind Conflict.
//
// From the moment that this is on record nothing more is accepted for the
// owner. What it has is removed then; cut off in between, the same call goes on.
// What is in the logs stays until its age, and for as long the id is reserved.
// It fails with [fault.NotFound] where there is nothing to delete.
func (s *Store) DeleteOwner(ctx context.Context, id string, cascade bool) (Holdings, error) {
	if err := checkIDs(job{owner: id, id: id}); err != nil {
		return Holdings{}, err
	}
	former, err := s.ledger.Closed(ctx, id)
	if err != nil {
		return Holdings{}, err
	}
	if former != nil {
		return s.resume(ctx, id, former)
	}
	held, err := s.close(ctx, id, cascade)
	if err != nil {
		return held, err
	}
	return held, s.erase(ctx, id)
}

// close puts it on record that an owner is deleted. What it has is counted
// before, and where that decides, while it is decided: whoever writes meanwhile
// has it counted again. Otherwise an owner that is written to all the time would
// always be counted, and never deleted.
func (s *Store) close(ctx context.Context, id string, cascade bool) (Holdings, error) {
	held, err := s.Holdings(ctx, id)
	if err != nil {
		return held, err
	}
	j := job{
		owner: id, id: id, reads: reads{keys: own(topology.Owners)}, closes: true,
		detail: func() string { return "with " + held.String() },
		judge:  func(_ context.Context, on *occasion) (setup.Change, error) { return on.setup.DeleteOwner(id) },
	}
	if !cascade {
		j.reads = everything()
		j.judge = func(ctx context.Context, on *occasion) (setup.Change, error) {
			if held, err = s.count(ctx, on.view, counting{id, on.setup}); err == nil {
				err = held.refusal(id)
			}
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.DeleteOwner(id)
		}
	}
	_, err = s.run(ctx, j)
	return held, err
}

// resume goes on with a deletion that was cut off, or removes what was written
// after one.
func (s *Store) resume(ctx context.Context, id string, former *ledger.Closed) (Holdings, error) {
	view, st, err := s.whole(ctx, id)
	if err != nil {
		return Holdings{}, err
	}
	held, err := s.count(ctx, view, counting{id, st})
	if err == nil && !former.Erased.IsZero() && held == (Holdings{}) {
		err = fault.New(fault.NotFound, "delete owner", id, ledger.ErrClosed)
	}
	if err == nil {
		err = s.Record(ctx, Deed{Owner: id, Verb: "erase", Resource: access.Owners, ID: id, Detail: "with " + held.String()})
	}
	if err != nil {
		return held, err
	}
	return held, s.erase(ctx, id)
}

// marked are the buckets in which a key of an owner is deleted with a mark:
// somebody watches them, or remembers what is in them. Keys come first, so that
// nobody calls any more.
func marked() []string {
	return []string{
		topology.APIKeys, topology.Subscriptions, topology.Queues, topology.Endpoints, topology.Emails, topology.SMTP,
		topology.ContactTypes, topology.Controls, topology.EndpointState,
	}
}

// purged are what else is kept of an owner: nobody watches it whole, and it may
// be much.
func purged(owner string) map[string]string {
	out := map[string]string{
		topology.BucketStream(topology.Series): topology.BucketKey(topology.Series, subject.SeriesOfOwner(owner)),
		topology.Retries:                       subject.HeadsKeptOf(owner),
	}
	for _, name := range []string{topology.Accounts, topology.Invoices, topology.Suppressions, topology.Answers} {
		out[topology.BucketStream(name)] = topology.BucketKey(name, owner+".>")
	}
	return out
}

// passes is how often what is left is looked for: services that have not heard
// yet may write once more.
const passes = 5

// erase removes all that a closed owner has, until nothing is left.
func (s *Store) erase(ctx context.Context, owner string) error {
	for range passes {
		left, err := s.sweep(ctx, owner)
		if err != nil {
			return err
		}
		if left == 0 {
			return s.ledger.Erased(ctx, owner, s.deps.Now().UTC())
		}
	}
	return fault.New(fault.Unavailable, "erase owner", owner, errStill)
}

// sweep removes what there is, and returns how many keys with a mark that was.
func (s *Store) sweep(ctx context.Context, owner string) (removed int, err error) {
	for _, name := range marked() {
		b := bucket.Open(s.deps.JetStream, name)
		err := s.each(ctx, name, owner, func(e bucket.Entry) error {
			removed++
			_, err := b.Delete(ctx, e.Key, e.Revision)
			if fault.KindOf(err) == fault.Conflict {
				return nil // the next pass finds it
			}
			return err
		})
		if err != nil {
			return removed, err
		}
	}
	for name, subjects := range purged(owner) {
		str, err := s.deps.JetStream.Stream(ctx, name)
		if err == nil {
			err = str.Purge(ctx, jetstream.WithPurgeSubject(subjects))
		}
		if err != nil {
			return removed, fault.New(fault.Unavailable, "erase "+name+" of", owner, err)
		}
	}
	return removed, nil
}

// remembering are the streams that name owners for as long as their age.
func remembering(owner string) []string {
	return []string{
		topology.Rejected, topology.Events, topology.Deliveries, topology.Parked, topology.Outcomes, topology.Audit,
		topology.DocumentStream(owner),
	}
}

// free fails with [ErrReserved], in an error of kind Conflict, as long as streams
// remember a deleted owner of the id.
func (s *Store) free(ctx context.Context, owner string) error {
	former, err := s.ledger.Closed(ctx, owner)
	if err != nil || former == nil {
		return err
	}
	age, err := s.memory(ctx, owner)
	if err != nil {
		return err
	}
	if until := former.At.Add(age); s.deps.Now().Before(until) {
		return fault.New(fault.Conflict, "create owner", owner, fmt.Errorf("%w until %s", ErrReserved, until.Format(time.RFC3339)))
	}
	return nil
}

// reopen lets an owner be made anew whose id is free.
func (s *Store) reopen(ctx context.Context, owner string) error {
	if err := s.free(ctx, owner); err != nil {
		return err
	}
	// What a service wrote that heard of it late is removed, too.
	if err := s.erase(ctx, owner); err != nil {
		return err
	}
	return s.ledger.Reopen(ctx, owner)
}

// forever is the age of a stream that forgets nothing.
const forever = 100 * 365 * 24 * time.Hour

// memory is how long streams remember an owner.
func (s *Store) memory(ctx context.Context, owner string) (time.Duration, error) {
	var longest time.Duration
	for _, name := range remembering(owner) {
		str, err := s.deps.JetStream.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return 0, fault.New(fault.Unavailable, "find age of", name, err)
		}
		longest = max(longest, cmp.Or(str.CachedInfo().Config.MaxAge, forever))
	}
	return longest, nil
}
