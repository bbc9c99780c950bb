package inlet

import (
	"context"
	"testing"
)

// fill takes n places of an owner.
func fill(t *testing.T, r *room, owner string, n int) []func() {
	t.Helper()
	var leave []func()
	for range n {
		l, ok := r.enter(t.Context(), owner)
		if !ok {
			t.Fatal("no place")
		}
		leave = append(leave, l)
	}
	return leave
}

func TestAnOwnerThatSendsSlowlyKeepsOnlyItselfWaiting(t *testing.T) {
	r := newRoom()
	leave := fill(t, r, "slow", maxLargeOfOne)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := r.enter(gone, "slow"); ok {
		t.Fatal("one owner took more than its share")
	}
	leave = append(leave, fill(t, r, "a", maxLargeOfOne)...)
	leave = append(leave, fill(t, r, "b", maxLargeOfOne)...)
	leave = append(leave, fill(t, r, "c", maxLargeOfOne)...)
	if _, ok := r.enter(gone, "d"); ok {
		t.Fatalf("more than %d requests are in memory", maxLarge)
	}
	waiting := make(chan func())
	go func() {
		l, _ := r.enter(t.Context(), "slow")
		waiting <- l
	}()
	for _, l := range leave {
		l()
	}
	(<-waiting)()
	if len(r.all) != 0 || len(r.owners) != 0 {
		t.Errorf("%d places and %d owners are left", len(r.all), len(r.owners))
	}
}
