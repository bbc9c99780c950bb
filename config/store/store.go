// Package store is the use cases that save an owner's configuration: the one
// way in for files, programs and people, so that all of them meet the same
// rules. It judges with setup and writes through the ledger. It refuses to keep
// a plain secret or to give one back.
package store

import (
	"context"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// Deps is what a store works with.
type Deps struct {
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Mail is the operator's policy for mail servers.
	Mail   *guard.Policy
	Sealer *secret.Sealer
	// Rand is where secrets and keys are drawn from.
	Rand io.Reader
	Now  func() time.Time
}

// Store saves configuration. It may be used by many goroutines, and by many
// processes on one NATS account, at once.
type Store struct {
	deps   Deps
	ledger *ledger.Ledger
}

// New returns a store. It makes no request.
func New(deps Deps) *Store {
	return &Store{deps: deps, ledger: ledger.Open(deps.JetStream)}
}

// job is one change: what must be read to judge it, and how it is judged.
type job struct {
	owner string
	// id is that of the resource.
	id    string
	reads reads
	// moment asks for the place in EVENTS at which the change is made.
	moment bool
	judge  func(context.Context, *occasion) (setup.Change, error)
}

// occasion is what a change is judged on.
type occasion struct {
	view  *ledger.View
	setup *setup.Setup
	env   setup.Env
}

// run makes a change. A refusal is fault.Problems, or a [fault.Error] of kind
// NotFound, or of kind Conflict with the users of what cannot go.
func (s *Store) run(ctx context.Context, j job) (setup.Change, error) {
	if err := checkIDs(j); err != nil {
		return setup.Change{}, err
	}
	var made setup.Change
	_, err := s.ledger.Change(ctx, j.owner, func(ctx context.Context, view *ledger.View) (*ledger.Write, error) {
		l, err := load(ctx, view, j.owner, j.reads)
		if err != nil {
			return nil, err
		}
		env, err := s.env(ctx, j.moment)
		if err != nil {
			return nil, err
		}
		made, err = j.judge(ctx, &occasion{view: view, setup: &l.setup, env: env})
		if err != nil || made.Action == setup.Unchanged {
			return nil, err
		}
		expect, err := l.revision(ctx, view, made.Bucket, made.Key)
		return &ledger.Write{Bucket: made.Bucket, Key: made.Key, Value: made.Value, Expect: expect}, err
	})
	if err != nil {
		return setup.Change{}, err
	}
	return made, nil
}

// checkIDs comes before the first reading, because ids become keys.
func checkIDs(j job) error {
	var r field.Report
	r.ID("/owner", j.owner)
	r.ID("/id", j.id)
	return r.Problems().Or()
}

func (s *Store) env(ctx context.Context, moment bool) (setup.Env, error) {
	env := setup.Env{
		Catalogue: s.deps.Catalogue, Mail: s.deps.Mail, Sealer: s.deps.Sealer, Rand: s.deps.Rand,
		Moment: subscription.Moment{At: s.deps.Now().UTC()},
	}
	if !moment {
		return env, nil
	}
	// The information comes from the leader, so every event that was
	// acknowledged before is counted.
	events, err := s.deps.JetStream.Stream(ctx, topology.Events)
	if err != nil {
		return env, fault.New(fault.Unavailable, "read last sequence", topology.Events, err)
	}
	env.Moment.Seq = events.CachedInfo().State.LastSeq
	return env, nil
}
