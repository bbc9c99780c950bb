package directory

import (
	"maps"

	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/streams/topology"
)

// Snapshot is an owner's configuration at one moment. Nobody changes it, so a
// pointer to it tells whether anything changed.
type Snapshot struct {
	setup.Setup
	// Revision is the greatest revision of the bucket subscriptions at which
	// something of this owner was stored.
	Revision uint64

	verdicts *verdicts
	lists    lists
}

// with returns a copy of s in which one value is replaced. Only what changes
// is copied.
func (s *Snapshot) with(e change) (*Snapshot, error) {
	next := &Snapshot{Setup: s.Setup, Revision: s.Revision, verdicts: s.verdicts, lists: s.lists}
	switch e.bucket {
	case topology.Emails:
		next.Emails, next.verdicts = maps.Clone(s.Emails), s.verdicts.anew()
	case topology.Endpoints:
		next.Endpoints = maps.Clone(s.Endpoints)
	case topology.Subscriptions:
		next.Subscriptions, next.verdicts = maps.Clone(s.Subscriptions), s.verdicts.anew()
	case topology.Queues:
		next.Queues, next.verdicts = maps.Clone(s.Queues), s.verdicts.anew()
	case topology.Controls:
		next.Controls = maps.Clone(s.Controls)
	}
	if err := next.take(e); err != nil {
		return nil, err
	}
	next.arrange(s, e)
	return next, nil
}

// arrange brings the lists of s, which was made of former, up to a change.
func (s *Snapshot) arrange(former *Snapshot, e change) {
	switch l := &s.lists; e.bucket {
	case topology.Emails:
		l.emails = l.emails.replaced(entry(former.Emails, e.id, emailName), entry(s.Emails, e.id, emailName))
	case topology.Endpoints:
		l.endpoints = l.endpoints.replaced(entry(former.Endpoints, e.id, endpointName), entry(s.Endpoints, e.id, endpointName))
	case topology.Subscriptions:
		l.subscriptions = l.subscriptions.replaced(entry(former.Subscriptions, e.id, subscriptionName), entry(s.Subscriptions, e.id, subscriptionName))
	case topology.Queues:
		l.queues = l.queues.replaced(entry(former.Queues, e.id, queueName), entry(s.Queues, e.id, queueName))
	}
}

// take puts one value into s, which nobody else has yet.
func (s *Snapshot) take(e change) error {
	if err := s.Put(e.bucket, e.id, e.value); err != nil {
		return err
	}
	if e.bucket != topology.Subscriptions {
		return nil
	}
	s.Revision = max(s.Revision, e.revision)
	if sub := s.Subscriptions[e.id]; sub != nil {
		sub.Stored = e.revision
	}
	return nil
}

// change is one value from a bucket.
type change struct {
	bucket, owner, id string
	value             []byte // nil when deleted
	revision          uint64
}
