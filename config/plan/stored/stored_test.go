package stored

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func delivered(account, name string) book.Entry {
	i := &matter.Matter{
		Owner: "acme", Account: account, Name: name, Part: 3, Seq: 1, Delivered: 1,
		DeliveredAt: time.Unix(1_800_000_000, 0).UTC(), Values: event.Values{"Invoice.Id": event.Str(name)},
	}
	i.Replan(matter.Wishes{due.Rule{Days: 3}: 0}, matter.Place{Zone: time.UTC}, i.DeliveredAt)
	return book.Entry{Key: matter.Key(i.Owner, i.Account, i.Name), Matter: i}
}

func TestAnInvoiceIsStoredOnlyOnWhatItWasDecided(t *testing.T) {
	s, e := NewShelf(topologytest.JetStream(t)), delivered("a1", "inv 1.*")
	revision, err := s.Put(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), e.Key)
	if err != nil || got.Revision != revision {
		t.Fatal(got.Revision, revision, err)
	}
	if diff := cmp.Diff(e.Matter, got.Matter, cmp.AllowUnexported(event.Value{})); diff != "" {
		t.Error(diff)
	}
	for key, want := range map[string]*matter.Matter{e.Key: e.Matter, "acme.a1.none": {}} {
		peeked, err := s.Peek(t.Context(), key)
		if diff := cmp.Diff(want, peeked.Matter, cmp.AllowUnexported(event.Value{})); diff != "" || err != nil || peeked.Key != key {
			t.Errorf("%s of %q: %v %s", key, peeked.Key, err, diff)
		}
	}
	e.Revision = revision - 1
	if _, err := s.Put(t.Context(), e); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an invoice was stored on an older one: %v", err)
	}
	if _, err := s.Put(t.Context(), book.Entry{Key: e.Key, Revision: revision}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), e.Key); got.Matter.Delivered != 0 || err != nil {
		t.Errorf("a removed invoice is %+v (%v)", got.Matter, err)
	}
}

func TestAnOutlineHasAllButTheValues(t *testing.T) {
	s, e := NewShelf(topologytest.JetStream(t)), delivered("a1", "one")
	if _, err := s.Put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	err := s.Outlines(t.Context(), func(got book.Entry) error {
		e.Matter.Values = nil
		if diff := cmp.Diff(e.Matter, got.Matter, cmp.AllowUnexported(event.Value{})); diff != "" {
			t.Error(diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestInvoicesAreFoundByAccountAndByOwner(t *testing.T) {
	s := NewShelf(topologytest.JetStream(t))
	gone := delivered("a1", "gone")
	for _, e := range []book.Entry{delivered("a1", "one"), delivered("a1", "two"), delivered("a2", "three"), delivered("", "four"), gone} {
		var err error
		if gone.Revision, err = s.Put(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	gone.Matter = nil
	if _, err := s.Put(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prefixes []string
		want     string
	}{
		{nil, "four one three two"},
		{[]string{"acme"}, "four one three two"},
		{[]string{matter.OfAccount("acme", "a1")}, "one two"},
		{[]string{matter.OfAccount("acme", "")}, "four"},
		{[]string{matter.OfAccount("acme", "a1"), matter.OfAccount("acme", "a2"), "other"}, "one three two"},
		{[]string{"acm"}, ""},
		{append(slices.Repeat([]string{"other.x"}, 1), many(250)...), "one two"},
	} {
		var got []string
		err := s.Each(t.Context(), c.prefixes, func(e book.Entry) error {
			if e.Key != matter.Key(e.Matter.Owner, e.Matter.Account, e.Matter.Name) {
				t.Errorf("key %s of %s", e.Key, e.Matter.Name)
			}
			got = append(got, e.Matter.Name)
			return nil
		})
		slices.Sort(got)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%.60q: %q (%v), want %q", c.prefixes, got, err, c.want)
		}
	}
}

// many returns prefixes of accounts, the last of which is a1's.
func many(n int) []string {
	out := make([]string, 0, n)
	for i := range n - 1 {
		out = append(out, matter.OfAccount("acme", "x"+strings.Repeat("y", i%50)+string(rune('a'+i/50))))
	}
	return append(out, matter.OfAccount("acme", "a1"))
}

// next takes the next timer that went off.
func next(t *testing.T, c jetstream.Consumer) (m timer.Moment, at time.Time) {
	t.Helper()
	msg, err := c.Next(jetstream.FetchMaxWait(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	at = time.Now()
	if err := msg.Ack(); err != nil {
		t.Fatal(err)
	}
	if m, err = MomentOf(msg.Subject()); err != nil {
		t.Fatal(err)
	}
	return m, at
}

func keysOf(t *testing.T, x *Timer, m timer.Moment) (keys string, upTo uint64) {
	t.Helper()
	var got []string
	upTo, err := x.Keys(t.Context(), m, func(key string) error {
		got = append(got, key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " "), upTo
}

func TestTimersGoOffInTimeWithTheKeysBehindThem(t *testing.T) {
	js := topologytest.JetStream(t)
	x := NewTimer(js, time.Now)
	consumer, err := js.Consumer(t.Context(), topology.Schedules, topology.SchedulerDue)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	arm := func(ahead time.Duration, keys ...string) timer.Moment {
		m := timer.At(3, now.Add(ahead))
		if err := x.Arm(t.Context(), m, keys...); err != nil {
			t.Fatal(err)
		}
		return m
	}
	dropped := arm(time.Second, "k0")
	if err := x.Drop(t.Context(), dropped); err != nil {
		t.Fatal(err)
	}
	far := arm(time.Hour, "k9")
	arm(time.Hour, "k8")
	soon := arm(2500*time.Millisecond, "k1", "k2")
	arm(2500*time.Millisecond, "k3")
	overdue := arm(-time.Hour, "k4")
	armed, err := x.Armed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moments := map[timer.Moment]bool{far: true, soon: true, overdue: true}
	if diff := cmp.Diff([]map[timer.Moment]bool{moments, moments}, []map[timer.Moment]bool{armed.Timers, armed.Moments}); diff != "" {
		t.Errorf("armed: %s", diff)
	}
	for mark, want := range map[timer.Mark]bool{
		far.MarkOf("k9"): true, far.MarkOf("k8"): true, soon.MarkOf("k1"): true, soon.MarkOf("k2"): true, soon.MarkOf("k3"): true,
		overdue.MarkOf("k4"): true, dropped.MarkOf("k0"): false, far.MarkOf("k1"): false,
	} {
		if armed.Keys.Has(mark) != want {
			t.Errorf("a key is armed: %v", !want)
		}
	}
	if m, _ := next(t, consumer); m != overdue {
		t.Errorf("first %v went off, want the overdue one", m)
	}
	if m, at := next(t, consumer); m != soon || at.Before(soon.Time()) || at.Sub(soon.Time()) > time.Minute {
		t.Errorf("%v went off at %s, due %s", m, at, soon.Time())
	}
	keys, upTo := keysOf(t, x, soon)
	if keys != "k1 k2 k3" {
		t.Errorf("keys: %s", keys)
	}
	arm(2500*time.Millisecond, "k5")
	if err := x.Clear(t.Context(), soon, upTo); err != nil {
		t.Fatal(err)
	}
	if keys, _ := keysOf(t, x, soon); keys != "k5" {
		t.Errorf("keys that came meanwhile: %q", keys)
	}
}

// What is not seen is armed again, and the keys with it.
func TestWhatIsArmedIsSeenThoughTheLastTimerWasRemoved(t *testing.T) {
	x := NewTimer(topologytest.JetStream(t), time.Now)
	kept, dropped := timer.At(3, time.Now().Add(time.Hour)), timer.At(3, time.Now().Add(2*time.Hour))
	for _, m := range []timer.Moment{kept, dropped} {
		if err := x.Arm(t.Context(), m, "k"); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Drop(t.Context(), dropped); err != nil {
		t.Fatal(err)
	}
	armed, err := x.Armed(t.Context())
	if err != nil || !armed.Timers[kept] || !armed.Keys.Has(kept.MarkOf("k")) || len(armed.Timers) != 1 {
		t.Errorf("armed: %v (%v), want %v with its key", armed.Timers, err, kept)
	}
}
