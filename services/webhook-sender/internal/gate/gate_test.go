package gate

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/watch"
)

// TestNothingIsKeptOfAnEndpointThatIsWellAgain has the watch and the gate's own
// readings and writings tell of a state in either order.
func TestNothingIsKeptOfAnEndpointThatIsWellAgain(t *testing.T) {
	key := Key{"acme", "erp"}
	open := breaker.State{Phase: breaker.Open, From: 1}
	value, err := open.Encode()
	if err != nil {
		t.Fatal(err)
	}
	g := New(Settings{Log: zerolog.Nop()})
	watched := func(value []byte, revision uint64) func() {
		return func() { g.take(watch.Change{Key: key.String(), Value: value, Revision: revision}) }
	}
	read := func(s breaker.State, revision uint64) func() {
		return func() { g.see(key, seen{s, revision}) }
	}
	none := breaker.State{}
	for i, step := range []struct {
		what  string
		do    func()
		phase breaker.Phase
		kept  int
	}{
		{"there never was one", read(none, 0), breaker.Closed, 0},
		{"it opens", watched(value, 5), breaker.Open, 1},
		{"it is closed here", read(none, 7), breaker.Closed, 1},
		{"the watch repeats what was before", watched(value, 6), breaker.Closed, 1},
		{"the watch comes to the end", watched(nil, 7), breaker.Closed, 0},
		{"it opens here", read(open, 8), breaker.Open, 1},
		{"the watch sees that", watched(value, 8), breaker.Open, 1},
		{"the watch sees the end first", watched(nil, 9), breaker.Closed, 0},
		{"who ended it hears of it", read(none, 9), breaker.Closed, 0},
		{"a late reading of before", read(open, 8), breaker.Closed, 0},
		{"it opens again", watched(value, 12), breaker.Open, 1},
		{"it went unseen", watched(nil, 0), breaker.Closed, 0},
		{"the bucket was made again", watched(value, 3), breaker.Open, 1},
	} {
		g.rows[key] = 1
		step.do()
		if got := g.State(key).Phase; got != step.phase || len(g.seen) != step.kept {
			t.Fatalf("step %d, %s: phase %q with %d kept, want %q with %d", i, step.what, got, len(g.seen), step.phase, step.kept)
		}
	}
	if watched(nil, 4)(); len(g.rows) != 0 {
		t.Error("its failures are still counted")
	}
}
