package process_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/process"
)

var errBroken = errors.New("broken")

// journal writes down what members do, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) write(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) read() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// member is a service under the test's control.
type member struct {
	name    string
	journal *journal
	ready   chan struct{}
	lazy    bool       // never becomes ready by itself
	end     chan error // what Run returns before it is asked to stop
	last    error      // what Run returns once it is
}

func (j *journal) member(name string) *member {
	return &member{name: name, journal: j, ready: make(chan struct{}), end: make(chan error, 1)}
}

func (m *member) Ready() <-chan struct{} { return m.ready }

func (m *member) Run(ctx context.Context) error {
	m.journal.write(m.name + " starts")
	if !m.lazy {
		close(m.ready)
	}
	select {
	case err := <-m.end:
		m.journal.write(m.name + " ends")
		return err
	case <-ctx.Done():
		m.journal.write(m.name + " stops")
		return m.last
	}
}

func group(members ...*member) *process.Group {
	var out []process.Member
	for _, m := range members {
		out = append(out, process.Member{Name: m.name, Service: m})
	}
	return process.NewGroup(zerolog.Nop(), out...)
}

// run runs g until the test says so, and returns what Run returned.
func run(ctx context.Context, g *process.Group) (result <-chan error) {
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	return done
}

func TestMembersStartInOrderAndStopInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		g := group(j.member("a"), j.member("b"), j.member("c"))
		ctx, cancel := context.WithCancel(t.Context())
		done := run(ctx, g)
		<-g.Ready()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		want := []string{"a starts", "b starts", "c starts", "c stops", "b stops", "a stops"}
		if diff := cmp.Diff(want, j.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAMemberStartsWhenTheOneBeforeIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a, b := j.member("a"), j.member("b")
		a.lazy = true
		g := group(a, b)
		ctx, cancel := context.WithCancel(t.Context())
		done := run(ctx, g)
		synctest.Wait()
		if diff := cmp.Diff([]string{"a starts"}, j.read()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"a", "b"}, g.Waiting()); diff != "" {
			t.Error(diff)
		}
		close(a.ready)
		<-g.Ready()
		if diff := cmp.Diff([]string{}, g.Waiting()); diff != "" {
			t.Error(diff)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestTheFirstFailureStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a, b, c := j.member("a"), j.member("b"), j.member("c")
		g := group(a, b, c)
		done := run(t.Context(), g)
		<-g.Ready()
		b.end <- errBroken
		err := <-done
		if !errors.Is(err, errBroken) || err.Error() != "run b: broken" {
			t.Errorf("Run = %v", err)
		}
		if diff := cmp.Diff([]string{"b ends", "c stops", "a stops"}, j.read()[3:]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAMemberThatEndsWithoutAWordIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a, b := j.member("a"), j.member("b")
		g := group(a, b)
		done := run(t.Context(), g)
		<-g.Ready()
		a.end <- nil
		if err := <-done; !errors.Is(err, process.ErrStoppedUnasked) {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestAFailureAtTheStartKeepsTheRestFromStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a, b, c := j.member("a"), j.member("b"), j.member("c")
		b.lazy = true
		b.end <- errBroken
		g := group(a, b, c)
		if err := g.Run(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("Run = %v", err)
		}
		if diff := cmp.Diff([]string{"a starts", "b starts", "b ends", "a stops"}, j.read()); diff != "" {
			t.Error(diff)
		}
		select {
		case <-g.Ready():
			t.Error("a group that could not start is ready")
		default:
		}
	})
}

func TestACancelDuringTheStartIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a, b := j.member("a"), j.member("b")
		a.lazy = true
		ctx, cancel := context.WithCancel(t.Context())
		done := run(ctx, group(a, b))
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if diff := cmp.Diff([]string{"a starts", "a stops"}, j.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatFailsWhileStoppingIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a, b, c := j.member("a"), j.member("b"), j.member("c")
		a.last, b.last, c.last = context.Canceled, errBroken, errors.New("torn")
		g := group(a, b, c)
		ctx, cancel := context.WithCancel(t.Context())
		done := run(ctx, g)
		<-g.Ready()
		cancel()
		if err := <-done; err == nil || err.Error() != "stop c: torn\nstop b: broken" {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestAGroupIsAServiceOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		inner := group(j.member("a"), j.member("b"))
		outer := process.NewGroup(zerolog.Nop(),
			process.Member{Name: "inner", Service: inner}, process.Member{Name: "c", Service: j.member("c")})
		ctx, cancel := context.WithCancel(t.Context())
		done := run(ctx, outer)
		<-outer.Ready()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		want := []string{"a starts", "b starts", "c starts", "c stops", "b stops", "a stops"}
		if diff := cmp.Diff(want, j.read()); diff != "" {
			t.Error(diff)
		}
	})
}

// slow is a member whose stop the test watches from inside.
type slow struct {
	*member
	stopping func()
}

func (s *slow) Run(ctx context.Context) error {
	err := s.member.Run(ctx)
	s.stopping()
	return err
}

func TestAStoppingGroupIsUnreadyBeforeAnyMemberStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var g *process.Group
		var seen []string
		last := &slow{j.member("b"), func() { seen = g.Waiting() }}
		g = process.NewGroup(zerolog.Nop(), process.Member{Name: "a", Service: j.member("a")}, process.Member{Name: "b", Service: last})
		ctx, cancel := context.WithCancel(t.Context())
		done := run(ctx, g)
		<-g.Ready()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if diff := cmp.Diff([]string{"a", "b"}, seen); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAwaitWaitsForAllPartsOrForTheEnd(t *testing.T) {
	one, two := make(chan struct{}), make(chan struct{})
	got := make(chan bool)
	go func() { got <- process.Await(t.Context(), one, two) }()
	close(two)
	close(one)
	if !<-got {
		t.Error("all parts are ready, and it says they are not")
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { got <- process.Await(ctx, one, make(chan struct{})) }()
	cancel()
	if <-got {
		t.Error("a part was never ready, and it says all are")
	}
	if !process.Await(ctx) {
		t.Error("nothing to wait for is ready")
	}
}
