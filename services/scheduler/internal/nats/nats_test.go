package nats

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func delivered(account, name string) *matter.Matter {
	i := &matter.Matter{
		Owner: "acme", Account: account, Name: name, Part: 3, Seq: 1, Delivered: 1,
		DeliveredAt: time.Unix(1_800_000_000, 0).UTC(), Values: event.Values{"Invoice.Id": event.Str(name)},
	}
	i.Replan(matter.Wishes{due.Rule{Days: 3}: 0}, matter.Place{Zone: time.UTC}, i.DeliveredAt)
	return i
}

func TestAcceptedEventsAreFoundByTheirIDs(t *testing.T) {
	js := topologytest.JetStream(t)
	events := NewEvents(js)
	e := delivered("a1", "one")
	p := &e.Plans[0]
	if got, err := events.Accepted(t.Context(), 3, "acme", time.Now()); len(got) > 0 || err != nil {
		t.Fatalf("accepted %v (%v) before anything was", got, err)
	}
	for n, k := range []matter.Kind{matter.AfterDelivery, matter.Overdue, matter.Dormant} {
		p.Kind, p.ID = k, "pln_"+k.String()
		data, err := e.Event(p).Encode()
		if err == nil {
			_, err = js.Publish(t.Context(), subject.Event(3, "acme", k.EventType()), data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := events.Accepted(t.Context(), 3, "acme", time.Now()); !got[p.EventID()] || len(got) != n+1 || err != nil {
			t.Errorf("accepted %v (%v)", got, err)
		}
	}
	if got, err := events.Accepted(t.Context(), 3, "other", time.Now()); len(got) > 0 || err != nil {
		t.Errorf("another owner's: %v (%v)", got, err)
	}
}

func TestTheBacklogIsWhatTheCursorHasNotTakenIn(t *testing.T) {
	js := topologytest.JetStream(t)
	for _, of := range []string{"acme", "acme", "other", "acme"} {
		if _, err := js.Publish(t.Context(), subject.Event(3, of, "usage.seen"), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	b := NewBacklog(js, "scheduler", []string{"usage.seen", "sim.dormant"})
	for _, c := range []struct {
		position string
		want     []uint64
	}{{"", []uint64{1, 2, 4}}, {`{"position":1}`, []uint64{2, 4}}, {`{"position":4}`, nil}} {
		if c.position != "" {
			if _, err := js.Publish(t.Context(), topology.BucketKey(topology.Checkpoints, "scheduler"), []byte(c.position)); err != nil {
				t.Fatal(err)
			}
		}
		var got []uint64
		err := b.Read(t.Context(), 3, "acme", func(m *cursor.Message) error {
			got = append(got, m.Seq)
			return nil
		})
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("behind %q: %s (%v)", c.position, diff, err)
		}
	}
}

func TestWhatOwnersWantDerivedIsReadAsItIsStoredNow(t *testing.T) {
	js := topologytest.JetStream(t)
	n, b := NewNames(js), bucket.Open(js, topology.Owners)
	put := func(key, value string) {
		e, err := b.Get(t.Context(), key)
		if err == nil && value == "" {
			_, err = b.Delete(t.Context(), key, e.Revision)
		} else if err == nil {
			_, err = b.Put(t.Context(), key, []byte(value), e.Revision)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("none", `{"id":"none"}`)
	for _, c := range []struct {
		value string
		want  map[string]owner.Derive
	}{
		{`{"id":"acme","derive":{"overdue":true}}`, map[string]owner.Derive{"acme": {Overdue: true}}},
		{`{"id":"acme","derive":{"dormant_after_days":9}}`, map[string]owner.Derive{"acme": {DormantAfterDays: 9}}},
		{"", map[string]owner.Derive{}},
	} {
		put("acme", c.value)
		got, err := n.Derives(t.Context())
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %s (%v)", c.value, diff, err)
		}
	}
}

func TestZonesAreReadAsTheyAreStoredNow(t *testing.T) {
	js := topologytest.JetStream(t)
	n := NewNames(js)
	for _, c := range []struct{ bucket, key, zone string }{
		{topology.Accounts, "acme.a1", "Asia/Tokyo"}, {topology.Accounts, "acme.a1", "Europe/Paris"}, {topology.Owners, "acme", "UTC"},
	} {
		b := bucket.Open(js, c.bucket)
		e, err := b.Get(t.Context(), c.key)
		if err == nil {
			_, err = b.Put(t.Context(), c.key, []byte(`{"time_zone":"`+c.zone+`"}`), e.Revision)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := n.Owner(t.Context(), "acme")
		if c.bucket == topology.Accounts {
			got, err = n.Account(t.Context(), "acme", "a1")
		}
		if got != c.zone || err != nil {
			t.Errorf("%s %s: %q (%v), want %q", c.bucket, c.key, got, err, c.zone)
		}
	}
	for _, account := range []string{"*", ">", "a2", "a1.b"} {
		if got, err := n.Account(t.Context(), "acme", account); got != "" || err != nil {
			t.Errorf("account %q has %q (%v)", account, got, err)
		}
	}
}

func TestChangesAreTheKeysWrittenSinceARevision(t *testing.T) {
	js := topologytest.JetStream(t)
	c, b := NewChanges(js, topology.Accounts), bucket.Open(js, topology.Accounts)
	last, err := b.Put(t.Context(), "acme.a1", []byte("{}"), 0)
	if err == nil {
		_, err = b.Put(t.Context(), "acme.a2", []byte("{}"), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	keys, upTo, err := c.Since(t.Context(), last)
	if err != nil || !slices.Equal(keys, []string{"acme.a2"}) {
		t.Errorf("changed: %v (%v)", keys, err)
	}
	if keys, again, err := c.Since(t.Context(), upTo); len(keys) > 0 || again != upTo || err != nil {
		t.Errorf("nothing changed, but %v up to %d (%v)", keys, again, err)
	}
	if keys, _, err := c.Since(t.Context(), 0); len(keys) != 2 || err != nil {
		t.Errorf("all: %v (%v)", keys, err)
	}
}

// following begins to follow the accounts. Woken receives whenever something may
// have changed; ended does how following ended.
func following(ctx context.Context, js jetstream.JetStream) (woken chan struct{}, ended chan error) {
	woken, ended = make(chan struct{}, 10), make(chan error, 1)
	go func() { ended <- NewChanges(js, topology.Accounts).Follow(ctx, func() { woken <- struct{}{} }) }()
	return woken, ended
}

// What was written between the last look and the beginning would be found an hour
// later otherwise.
func TestWhoeverFollowsIsWokenAtTheBeginningAndAfterEveryWrite(t *testing.T) {
	js := topologytest.JetStream(t)
	ctx, stop := context.WithCancel(t.Context())
	woken, ended := following(ctx, js)
	<-woken
	if _, err := bucket.Open(js, topology.Accounts).Put(t.Context(), "acme.a1", []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	<-woken
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFollowingEndsWhereTheServerWasAway(t *testing.T) {
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	topologytest.Ensure(t, js)
	woken, ended := following(t.Context(), js)
	<-woken
	srv.Restart(t)
	if err := <-ended; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("ended with %v", err)
	}
}
