package wishes

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
)

// revision is one change of a subscription at a sequence; no days delete it.
type revision struct {
	days int
	at   string
	seq  uint64
	off  bool
}

func stored(t *testing.T, id string, at uint64, changes ...revision) *subscription.Subscription {
	t.Helper()
	s := &subscription.Subscription{}
	for _, c := range changes {
		m := subscription.Moment{Seq: c.seq, At: time.Unix(int64(c.seq), 0)}
		if c.days < 0 {
			s.Delete(m)
			continue
		}
		active := !c.off
		err := s.Revise(subscription.Spec{
			ID: id, Events: []string{subscription.DeliveryDatePlus}, Channel: delivery.Webhook, Active: &active,
			Schedule: &subscription.Schedule{Days: c.days, Time: c.at},
		}, m)
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Stored = at
	return s
}

func snapshot(subs ...*subscription.Subscription) *directory.Snapshot {
	s := &directory.Snapshot{}
	s.Subscriptions = map[string]*subscription.Subscription{}
	for _, sub := range subs {
		s.Subscriptions[sub.ID] = sub
	}
	return s
}

func rule(days, hours int) due.Rule { return due.Rule{Days: days, At: due.TimeOfDay(hours * 3600)} }

func TestWishesAreTheRulesOfLiveSubscriptions(t *testing.T) {
	plain := &subscription.Subscription{}
	if err := plain.Revise(subscription.Spec{ID: "plain", Events: []string{"sim.dormant"}}, subscription.Moment{}); err != nil {
		t.Fatal(err)
	}
	got := Of(snapshot(
		stored(t, "a", 1, revision{days: 3, at: "09:00:00", seq: 10}),
		stored(t, "b", 2, revision{days: 3, at: "09:00", seq: 7}),
		stored(t, "c", 3, revision{days: 5, at: "18:00:00", seq: 4}),
		stored(t, "deleted", 4, revision{days: 6, at: "18:00:00", seq: 4}, revision{days: -1, seq: 5}),
		stored(t, "inactive", 5, revision{days: 7, at: "18:00:00", seq: 4, off: true}),
		plain,
	))
	if diff := cmp.Diff(matter.Wishes{rule(3, 9): 7, rule(5, 18): 4}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWishBeginsWhereItsRuleBegan(t *testing.T) {
	for _, c := range []struct {
		what    string
		changes []revision
		want    uint64
	}{
		{"with the first version", []revision{{days: 3, at: "09:00:00", seq: 5}}, 5},
		{"a change of something else", []revision{{days: 3, at: "09:00:00", seq: 5}, {days: 3, at: "09:00:00", seq: 9}}, 5},
		{"a change of the days", []revision{{days: 2, at: "09:00:00", seq: 5}, {days: 3, at: "09:00:00", seq: 9}}, 9},
		{"back to the days of before", []revision{{days: 3, at: "09:00:00", seq: 5}, {days: 2, at: "09:00:00", seq: 7}, {days: 3, at: "09:00:00", seq: 9}}, 9},
		{"after a pause", []revision{{days: 3, at: "09:00:00", seq: 5}, {days: 3, at: "09:00:00", seq: 7, off: true}, {days: 3, at: "09:00:00", seq: 9}}, 9},
	} {
		if got := Of(snapshot(stored(t, "a", 1, c.changes...)))[rule(3, 9)]; got != c.want {
			t.Errorf("%s: began behind %d, want %d", c.what, got, c.want)
		}
	}
}

// oneOwner are the snapshots of one owner.
type oneOwner struct{ *directory.Snapshot }

func (o oneOwner) Owner(string) *directory.Snapshot { return o.Snapshot }

func TestInvoicesAreRememberedAsLongAsTheirOwnerMayPlanForThem(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		rule  string
		owner *owner.Owner
		days  int // of a subscription
		want  time.Duration
	}{
		{"by default", &owner.Owner{ID: "acme"}, 14, 401 * day},
		{"as the owner says", &owner.Owner{ID: "acme", LargestX: new(30)}, 14, 31 * day},
		{"none beyond the day", &owner.Owner{ID: "acme", LargestX: new(0)}, 0, day},
		{"a schedule from before the owner allowed less", &owner.Owner{ID: "acme", LargestX: new(30)}, 90, 91 * day},
		{"an owner that is not known", nil, 14, 3651 * day},
	} {
		s := snapshot(stored(t, "s", 1, revision{days: c.days, at: "09:00:00"}))
		s.Setup.Owner = c.owner
		if got := NewKnown(oneOwner{s}).Keep("acme"); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}
