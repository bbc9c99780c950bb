package directory_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/listing"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/streams/topology"
)

func TestListsFollowEveryChange(t *testing.T) {
	_, js := start(t)
	subs := bucket.Open(js, topology.Subscriptions)
	named := func(id, name string) {
		s := sub(id)
		s.Name = name
		write(t, subs, "acme."+id, s)
	}
	for i, id := range []string{"c", "a", "b"} {
		named(id, string("zyx"[i]))
	}
	d := watch(t, js)
	order := func(by listing.Order) (ids []string) {
		for e := range d.Owner("acme").ListSubscriptions(by).All() {
			if e.Value != d.Owner("acme").Subscriptions[e.ID] {
				t.Errorf("%s is not the present one", e.ID)
			}
			ids = append(ids, e.ID)
		}
		return ids
	}
	want := func(byID, byName string) {
		t.Helper()
		if diff := cmp.Diff([]string{byID, byName}, []string{join(order(listing.ByID)), join(order(listing.ByName))}); diff != "" {
			t.Error(diff)
		}
	}
	want("abc", "bac")
	former := d.Owner("acme")
	named("d", "y")
	until(t, d, "d comes", func() bool { return d.Owner("acme").Subscriptions["d"] != nil })
	want("abcd", "badc")
	named("c", "a")
	until(t, d, "c has another name", func() bool { return d.Owner("acme").Subscriptions["c"].Name == "a" })
	want("abcd", "cbad")
	write(t, subs, "acme.a", nil)
	until(t, d, "a goes", func() bool { return d.Owner("acme").Subscriptions["a"] == nil })
	want("bcd", "cbd")
	if got := join(slices.Collect(ids(former))); got != "abc" {
		t.Errorf("the former snapshot lists %s", got)
	}
	if got := join(slices.Collect(ids(d.Owner("nobody")))); got != "" {
		t.Errorf("nobody lists %s", got)
	}
}

func TestQueuesAreListedAndFoundByTheirOwner(t *testing.T) {
	_, js := start(t)
	queues := bucket.Open(js, topology.Queues)
	put := func(id, name string) {
		write(t, queues, "acme."+id, queue.Queue{Spec: queue.Spec{ID: id, Name: name}, Incarnation: id, FromSeq: 7})
	}
	put("b", "x")
	put("a", "y")
	d := watch(t, js)
	order := func(by listing.Order) (text string) {
		for e := range d.Owner("acme").ListQueues(by).All() {
			text += e.ID
		}
		return text
	}
	if byID, byName := order(listing.ByID), order(listing.ByName); byID != "ab" || byName != "ba" {
		t.Errorf("by id %s, by name %s", byID, byName)
	}
	former := d.Owner("acme")
	put("c", "a")
	until(t, d, "c comes", func() bool { return d.Owner("acme").Queues["c"] != nil })
	write(t, queues, "acme.b", nil)
	until(t, d, "b goes", func() bool { return d.Owner("acme").Queues["b"] == nil })
	if byID, byName := order(listing.ByID), order(listing.ByName); byID != "ac" || byName != "ca" {
		t.Errorf("then by id %s, by name %s", byID, byName)
	}
	if q := former.Queues["b"]; q == nil || q.FromSeq != 7 || q.Incarnation != "b" || former.Queues["c"] != nil {
		t.Errorf("the former snapshot has %+v", former.Queues)
	}
	if len(d.Owner("other").Queues) > 0 {
		t.Error("another owner has them")
	}
}

func ids(s *directory.Snapshot) func(func(string) bool) {
	return func(yield func(string) bool) {
		for e := range s.ListSubscriptions(listing.ByID).All() {
			if !yield(e.ID) {
				return
			}
		}
	}
}

func join(ids []string) (text string) {
	for _, id := range ids {
		text += id
	}
	return text
}
