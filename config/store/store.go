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
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/audit"
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
	deps      Deps
	ledger    *ledger.Ledger
	actor     audit.Actor
	condition Condition
	tell      func(setup.Change)
}

// New returns a store. It makes no request. Who changes something by it is the
// process itself; see [Store.As].
func New(deps Deps) *Store {
	return &Store{deps: deps, ledger: ledger.Open(deps.JetStream), actor: audit.Actor{Kind: audit.Process}}
}

// Telling returns a store that tells of each change once it is made, and of what
// was to be changed and is so already.
func (s *Store) Telling(tell func(setup.Change)) *Store {
	telling := *s
	telling.tell = tell
	return &telling
}

// job is one change: what must be read to judge it, and how it is judged.
type job struct {
	owner string
	// ownerless is what belongs to no owner; then there is none.
	ownerless bool
	// id is that of the resource.
	id string
	// verb is what is done, where create, change and delete do not say it.
	verb string
	// contact is that of the account that is meant; empty for all of it.
	contact string
	reads   reads
	// moment asks for the place in EVENTS at which the change is made, and
	// start for that of a beginning in the past.
	moment bool
	start  string
	judge  func(context.Context, *occasion) (setup.Change, error)
	// closes says that the change deletes the owner; detail is then kept with it.
	closes bool
	detail func() string
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
	written, err := s.ledger.Change(ctx, j.record(), func(ctx context.Context, view *ledger.View) (*ledger.Write, error) {
		l, err := load(ctx, view, j.owner, j.reads)
		if err != nil {
			return nil, err
		}
		env, err := s.env(ctx, j)
		if err != nil {
			return nil, err
		}
		if made, err = j.judge(ctx, &occasion{view: view, setup: &l.setup, env: env}); err != nil {
			return nil, err
		}
		if made.Key == "" {
			return nil, nil // there is nothing that it could be about
		}
		if made.Revision, err = l.revision(ctx, view, made.Bucket, made.Key); err != nil {
			return nil, err
		}
		if err := s.condition.check(&made, made.Revision); err != nil || made.Action == setup.Unchanged {
			return nil, err
		}
		entry, err := s.entry(j, &made)
		w := &ledger.Write{Bucket: made.Bucket, Key: made.Key, Value: made.Value, Expect: made.Revision, Entry: entry}
		if j.closes && err == nil {
			w.Closes, entry.Detail = env.Moment.At, j.detail()
		}
		return w, err
	})
	if err != nil {
		return setup.Change{}, err
	}
	if written != 0 {
		made.Revision = written
	}
	if s.tell != nil {
		s.tell(made)
	}
	return made, nil
}

// checkIDs comes before the first reading, because ids become keys.
func checkIDs(j job) error {
	var r field.Report
	if !j.ownerless {
		r.ID("/owner", j.owner)
	}
	r.ID("/id", j.id)
	return r.Problems().Or()
}

// record is whose record of the ledger orders the change.
func (j job) record() string {
	if j.ownerless {
		return id.Installation
	}
	return j.owner
}

func (s *Store) env(ctx context.Context, j job) (setup.Env, error) {
	env := setup.Env{
		Catalogue: s.deps.Catalogue, Mail: s.deps.Mail, Sealer: s.deps.Sealer, Rand: s.deps.Rand,
		Moment: subscription.Moment{At: s.deps.Now().UTC()},
	}
	if !j.moment {
		return env, nil
	}
	// The information comes from the leader, so every event that was
	// acknowledged before is counted.
	events, err := s.deps.JetStream.Stream(ctx, topology.Events)
	if err != nil {
		return env, fault.New(fault.Unavailable, "read last sequence", topology.Events, err)
	}
	env.Moment.Seq = events.CachedInfo().State.LastSeq
	env.Moment.Past, err = past(ctx, events, j.start)
	return env, err
}
