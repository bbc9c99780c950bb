package directory_test

import (
	"context"
	"testing"
	"time"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

func TestWhoAwaitsARevisionReadsIt(t *testing.T) {
	_, js := start(t)
	d := watch(t, js)
	owners := bucket.Open(js, topology.Owners)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 20 {
		revision := write(t, owners, "acme", owner.Owner{ID: "acme", Name: "Acme"})
		if err := d.Await(ctx, topology.Owners, revision); err != nil {
			t.Fatal(err)
		}
		if d.Owner("acme").Owner == nil {
			t.Fatal("not there")
		}
		revision = write(t, owners, "acme", nil)
		if err := d.Await(ctx, topology.Owners, revision); err != nil {
			t.Fatal(err)
		}
		if d.Owner("acme").Owner != nil {
			t.Fatal("still there")
		}
	}
	if err := d.Await(ctx, topology.Accounts, 1); err != nil {
		t.Errorf("what is not watched: %v", err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := d.Await(gone, topology.Owners, 1<<60); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a revision that never comes: %v", err)
	}
}
