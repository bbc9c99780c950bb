package store

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/backlog"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// DisableEndpoint has an endpoint given nothing more. What comes for it waits.
func (s *Store) DisableEndpoint(ctx context.Context, owner, id string) error {
	_, err := s.switchEndpoint(ctx, owner, id, true)
	return err
}

// EnableEndpoint has an endpoint go on, whoever or whatever disabled it, and
// one that is only waited for be tried at once.
func (s *Store) EnableEndpoint(ctx context.Context, owner, id string) error {
	switched, err := s.switchEndpoint(ctx, owner, id, false)
	if err != nil {
		return err
	}
	states := bucket.Open(s.deps.JetStream, topology.EndpointState)
	key := setup.Key(owner, id)
	onRecord := switched.Action != setup.Unchanged
	for {
		e, err := states.Get(ctx, key)
		if err != nil || !e.Exists() {
			return err
		}
		state, err := breaker.Parse(e.Value)
		if err != nil {
			return fault.New(fault.Internal, "read state of endpoint", key, err)
		}
		state = state.Enabled(s.deps.Now().UTC())
		value, err := state.Encode()
		if err != nil || value == nil || bytes.Equal(value, e.Value) {
			return err
		}
		if !onRecord {
			if err := s.Record(ctx, Deed{Owner: owner, Verb: "enable", Resource: access.Endpoints, ID: id}); err != nil {
				return err
			}
			onRecord = true
		}
		_, err = states.Put(ctx, key, value, e.Revision)
		if fault.KindOf(err) != fault.Conflict {
			return err
		}
	}
}

func (s *Store) switchEndpoint(ctx context.Context, owner, id string, disabled bool) (setup.Change, error) {
	verb := "enable"
	if disabled {
		verb = "disable"
	}
	return s.run(ctx, job{
		owner: owner, id: id, verb: verb, reads: reads{keys: []ref{{topology.Endpoints, id}}},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.SwitchEndpoint(owner, id, disabled)
		},
	})
}

// EndpointStatus says how an endpoint stands.
type EndpointStatus struct {
	Endpoint string        `json:"endpoint"`
	URL      string        `json:"url"`
	State    breaker.State `json:"state"`
	// Waiting is how many deliveries there are from the beginning of the
	// backlog on; some of them may have been sent.
	Waiting uint64 `json:"waiting"`
}

// EndpointStatuses returns the status of each endpoint of an owner, by id.
func (s *Store) EndpointStatuses(ctx context.Context, owner string) ([]EndpointStatus, error) {
	return s.statuses(ctx, job{owner: owner, id: owner, reads: reads{lists: []string{topology.Endpoints}}})
}

// EndpointStatus returns the status of one endpoint. It fails with
// [fault.NotFound].
func (s *Store) EndpointStatus(ctx context.Context, owner, id string) (EndpointStatus, error) {
	all, err := s.statuses(ctx, one(topology.Endpoints, owner, id))
	if err != nil {
		return EndpointStatus{}, err
	}
	if len(all) == 0 {
		return EndpointStatus{}, fault.New(fault.NotFound, "find endpoint", id, nil)
	}
	return all[0], nil
}

// statuses returns the status of each endpoint that a job reads.
func (s *Store) statuses(ctx context.Context, j job) ([]EndpointStatus, error) {
	if err := checkIDs(j); err != nil {
		return nil, err
	}
	view, err := s.ledger.View(ctx, j.owner)
	if err != nil {
		return nil, err
	}
	l, err := load(ctx, view, j.owner, j.reads)
	if err != nil {
		return nil, err
	}
	partitions, err := topology.Partitions(ctx, s.deps.JetStream)
	if err != nil {
		return nil, err
	}
	look := statusLook{
		states: bucket.Open(s.deps.JetStream, topology.EndpointState), owner: j.owner,
		backlog: backlog.New(s.deps.JetStream, delivery.Webhook), part: subject.Partition(j.owner, partitions),
	}
	var out []EndpointStatus
	for _, id := range slices.Sorted(maps.Keys(l.setup.Endpoints)) {
		status, err := look.at(ctx, l.setup.Endpoints[id])
		if err != nil {
			return nil, err
		}
		out = append(out, status)
	}
	return out, nil
}

// statusLook looks at the endpoints of one owner.
type statusLook struct {
	states  *bucket.Bucket
	backlog *backlog.Reader
	owner   string
	part    int
}

func (l *statusLook) at(ctx context.Context, ep *endpoint.Endpoint) (EndpointStatus, error) {
	status := EndpointStatus{Endpoint: ep.ID, URL: ep.URL}
	e, err := l.states.Get(ctx, setup.Key(l.owner, ep.ID))
	if err != nil {
		return status, err
	}
	if e.Exists() {
		if status.State, err = breaker.Parse(e.Value); err != nil {
			return status, fault.New(fault.Internal, "read state of endpoint", ep.ID, err)
		}
	}
	status.State = seenBy(ep, status.State)
	if status.State.From > 0 {
		status.Waiting, err = l.backlog.Count(ctx, backlog.Range{
			Part: l.part, Owner: l.owner, Subscriptions: status.State.Subscriptions, From: status.State.From,
		})
	}
	return status, err
}

// seenBy adds the owner's wish where nothing came yet that would have stored it.
func seenBy(ep *endpoint.Endpoint, s breaker.State) breaker.State {
	if ep.Disabled && s.Phase == breaker.Closed {
		s.Phase, s.Reason = breaker.Disabled, breaker.ByOwner
	}
	return s
}
