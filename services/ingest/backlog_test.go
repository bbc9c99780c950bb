package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// neighbour makes an owner whose events have the partition of acme's.
func (r *rig) neighbour() string {
	r.t.Helper()
	r.publish(posted("acme"), []byte(plain("first")), nil)
	for i := 0; ; i++ {
		name := fmt.Sprint("other", i)
		r.put(topology.Owners, name, owner.Owner{ID: name, Name: name})
		r.publish(posted(name), []byte(plain("first")), nil)
		if r.partition(name) == r.partition("acme") {
			return name
		}
	}
}

// partition returns the partition of an owner that has published.
func (r *rig) partition(owner string) string {
	r.t.Helper()
	inbox, err := r.js.Stream(r.t.Context(), topology.Inbox)
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := inbox.GetLastMsgForSubject(r.t.Context(), "inbox.*.*."+owner+".>")
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.Split(m.Subject, ".")[1]
}

func TestABacklogOfOneOwnerGivesWayToTheOthersOfItsPartition(t *testing.T) {
	const flood = 400
	r := newRig(t)
	other := r.neighbour()
	for i := range flood {
		r.publish(posted("acme"), []byte(plain(fmt.Sprint("e", i))), nil)
	}
	r.publish(posted(other), []byte(plain("last")), nil)
	before := r.count(topology.Inbox)
	r.start(options{cfg: func(c *ingest.Config) { c.Batch = 20 }})
	var ids []string
	for i, e := range r.events(before) {
		switch {
		case e.Owner == "acme":
			ids = append(ids, e.ID)
		case e.Owner == other && e.ID == "last" && i > before/2:
			t.Errorf("the other's event is the %d-th of %d", i+1, before)
		}
	}
	want := []string{"first"}
	for i := range flood {
		want = append(want, fmt.Sprint("e", i))
	}
	if !slices.Equal(ids, want) {
		t.Errorf("acme's events are %v", ids)
	}
}

// Whatever a publisher calls an owner: others take no harm.
func TestAFloodUnderANameThatNoOwnerCanHaveIsOnlyRefused(t *testing.T) {
	r := newRig(t)
	r.publish(posted("acme"), []byte(plain("first")), nil)
	stranger := "x\u00a0"
	for subject.Partition(stranger, partitions) != subject.Partition("acme", partitions) {
		stranger += "y"
	}
	for range 60 {
		r.publish(posted(stranger), []byte(plain("x")), nil)
	}
	r.publish(posted("acme"), []byte(plain("last")), nil)
	r.start(options{cfg: func(c *ingest.Config) { c.Batch = 20 }, fault: func(point string) {
		if point == cursor.FaultAside {
			t.Error("a stranger was set aside")
		}
	}})
	if got := r.events(2); got[0].ID != "first" || got[1].ID != "last" {
		t.Errorf("events: %+v", got)
	}
}
