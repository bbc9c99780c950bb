package process

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
)

// ErrStoppedUnasked says that a member's Run returned nil although nobody had
// asked it to stop: a service that is gone without a word is a failure.
var ErrStoppedUnasked = errors.New("stopped unasked")

// Group runs several services as one. It starts them in their order, each one
// when the one before is ready, and stops them in reverse, each one when the
// one behind has ended. The first failure stops all. A Group runs once.
type Group struct {
	log     zerolog.Logger
	members []Member
	ready   chan struct{}

	mu       sync.Mutex
	stopping bool
}

// NewGroup returns a group. Nothing runs before [Group.Run].
func NewGroup(log zerolog.Logger, members ...Member) *Group {
	return &Group{log: log, members: members, ready: make(chan struct{})}
}

// Ready is closed once every member is ready.
func (g *Group) Ready() <-chan struct{} { return g.ready }

// Waiting names the members that are not ready; while the group stops, all of
// them, before the first one is told to.
func (g *Group) Waiting() []string {
	g.mu.Lock()
	stopping := g.stopping
	g.mu.Unlock()
	waiting := []string{}
	for _, m := range g.members {
		if stopping || !isReady(m.Service) {
			waiting = append(waiting, m.Name)
		}
	}
	return waiting
}

func isReady(s Service) bool {
	select {
	case <-s.Ready():
		return true
	default:
		return false
	}
}

// Run runs the members until ctx is cancelled (then it returns nil, unless one
// fails while it stops) or one of them ends by itself (then it returns why).
// It returns when all of them have ended.
func (g *Group) Run(ctx context.Context) error {
	ended := make(chan *running, len(g.members))
	started, err := g.start(ctx, ended)
	if err == nil && ctx.Err() == nil {
		close(g.ready)
		err = await(ctx, nil, ended)
	}
	g.mu.Lock()
	g.stopping = true
	g.mu.Unlock()
	return errors.Join(err, g.stop(started))
}

// running is a member at work. Its err may be read once done is closed.
type running struct {
	member Member
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// start returns what it started, also when it could not start all.
func (g *Group) start(ctx context.Context, ended chan *running) (started []*running, err error) {
	for _, m := range g.members {
		if ctx.Err() != nil {
			return started, nil
		}
		started = append(started, launch(ctx, m, ended))
		if err := await(ctx, m.Service.Ready(), ended); err != nil {
			return started, err
		}
		if isReady(m.Service) {
			g.log.Debug().Str("member", m.Name).Msg("ready")
		}
	}
	return started, nil
}

// launch gives the member a context of its own: the group's must not stop all
// members at once.
func launch(ctx context.Context, m Member, ended chan<- *running) *running {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{member: m, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = m.Service.Run(own)
		ended <- r
	}()
	return r
}

// await waits for ready (nil: for ever), for ctx, or for the end of any
// member, which is the only one of the three that is an error.
func await(ctx context.Context, ready <-chan struct{}, ended <-chan *running) error {
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return nil
	case r := <-ended:
		<-r.done
		err := r.err
		if err == nil {
			err = ErrStoppedUnasked
		}
		r.err = nil // reported here; stop reports what comes after
		return fault.New(fault.KindOf(err), "run", r.member.Name, err)
	}
}

func (g *Group) stop(started []*running) error {
	var failed []error
	for i := len(started) - 1; i >= 0; i-- {
		r := started[i]
		r.cancel()
		<-r.done
		g.log.Debug().Str("member", r.member.Name).Msg("stopped")
		if r.err != nil && !errors.Is(r.err, context.Canceled) {
			failed = append(failed, fmt.Errorf("stop %s: %w", r.member.Name, r.err))
		}
	}
	return errors.Join(failed...)
}
