package scheduler

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/shared/event"
)

// ahead returns the first whole second that is at least d ahead.
func ahead(d time.Duration) time.Time {
	return time.Now().Add(d + time.Second - 1).Truncate(time.Second)
}

func TestAnEventFiresAtItsMomentOnceForAllThatShareIt(t *testing.T) {
	b := start(t)
	at := ahead(2 * time.Second)
	b.subscribe(t, "one", at)
	b.subscribe(t, "two", at)
	b.subscribe(t, "later", at.Add(time.Hour))
	b.run(t, none)
	b.publish(t, "invoice.delivery", "inv1")
	b.planned(t, 2)
	got := b.awaitFired(t, 1)[0]
	if got.at.Before(at) || got.at.Sub(at) > 3*time.Second {
		t.Errorf("accepted at %s, due at %s", got.at, at)
	}
	got.Data["Schedule.Late"] = event.Boolean(false) // a slow machine may be late
	want := event.Values{
		"Invoice.Id": event.Str("inv1"), "Schedule.Days": event.Int(0), "Schedule.Time": event.Str(at.In(b.zone).Format(time.TimeOnly)),
		"Schedule.DueAt": event.Str(at.In(b.zone).Format(time.RFC3339)), "Schedule.TimeZone": event.Str(b.zone.String()),
		"Schedule.Late": event.Boolean(false),
	}
	if diff := cmp.Diff(want, got.Data, cmp.AllowUnexported(event.Value{})); diff != "" {
		t.Error(diff)
	}
	b.until(t, func() bool {
		for _, p := range b.plans(t) {
			if p.State == plan.Fired {
				return true
			}
		}
		return false
	})
	if all := b.awaitFired(t, 1); len(all) != 1 {
		t.Errorf("%d events for one invoice and one moment", len(all))
	}
}

func TestWhatFellDueDuringDowntimeFiresOnceAndIsMarkedLate(t *testing.T) {
	b := start(t)
	at := ahead(time.Second)
	b.subscribe(t, "one", at)
	first := b.run(t, none)
	b.publish(t, "invoice.delivery", "inv1")
	b.planned(t, 1)
	first.end()
	<-time.After(time.Until(at.Add(1500 * time.Millisecond)))
	b.run(t, none)
	b.subscribe(t, "two", ahead(2*time.Second))
	got := b.awaitFired(t, 2)
	if len(got) != 2 || got[0].Data.Text("Schedule.Late") != "true" {
		t.Errorf("%d events, late: %s", len(got), got[0].Data.Text("Schedule.Late"))
	}
}

func TestALateSubscriptionGetsInvoicesDeliveredBeforeWhoseMomentIsAhead(t *testing.T) {
	b := start(t)
	b.run(t, none)
	b.publish(t, "invoice.delivery", "inv1")
	b.publish(t, "invoice.delivery", "void")
	b.publish(t, "invoice.voided", "void")
	b.subscribe(t, "past", time.Now().Add(-time.Minute))
	b.subscribe(t, "ahead", ahead(2*time.Second))
	b.awaitFired(t, 1)
	plans := b.plans(t)
	states := map[plan.State]int{}
	for _, p := range plans {
		states[p.State]++
	}
	if len(plans) != 2 || states[plan.Cancelled] != 1 {
		t.Errorf("plans: %v", states)
	}
}

func TestVoidInvoicesAndUnwantedRulesFireNothing(t *testing.T) {
	b := start(t)
	at := ahead(3 * time.Second)
	b.subscribe(t, "one", at)
	b.subscribe(t, "deleted", at.Add(-time.Second))
	b.run(t, none)
	b.publish(t, "invoice.delivery", "void")
	b.publish(t, "invoice.delivery", "good")
	b.planned(t, 4)
	b.publish(t, "invoice.voided", "void")
	b.change(t, "deleted", func(s *subscription.Subscription, m subscription.Moment) error {
		s.Delete(m)
		return nil
	})
	got := b.awaitFired(t, 1)
	if len(got) != 1 || got[0].Data.Text("Invoice.Id") != "good" {
		t.Errorf("fired: %v", got)
	}
	for name, p := range b.plans(t) {
		wanted := p.Invoice == "good" && p.Time == at.In(b.zone).Format(time.TimeOnly)
		if wanted == (p.State == plan.Cancelled) {
			t.Errorf("%s is %s", name, p.State)
		}
	}
}

func TestALostTimerIsArmedAgain(t *testing.T) {
	b := start(t)
	b.subscribe(t, "one", ahead(4*time.Second))
	first := b.run(t, none)
	b.publish(t, "invoice.delivery", "inv1")
	b.planned(t, 1)
	first.end()
	schedules, err := b.js.Stream(t.Context(), "SCHEDULES")
	if err == nil {
		err = schedules.Purge(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, none)
	b.awaitFired(t, 1)
}

// Two schedulers share the work and are killed at their fault points, around
// the moments at which the plans are due.
func TestEachPlanFiresOnceThroughCrashes(t *testing.T) {
	b := start(t)
	const invoices, moments, kills = 20, 3, 3
	first := ahead(2 * time.Second)
	for i := range moments {
		b.subscribe(t, fmt.Sprint("s", i), first.Add(time.Duration(2*i)*time.Second))
	}
	var mu sync.Mutex
	left, rnd := kills, rand.New(rand.NewPCG(7, 7))
	fault := func(i *instance, _ string) {
		mu.Lock()
		dies := left > 0 && rnd.IntN(6) == 0
		if dies {
			left--
		}
		mu.Unlock()
		if dies {
			i.crash()
		}
	}
	running := []*instance{b.run(t, fault), b.run(t, fault)}
	for i := range invoices {
		b.publish(t, "invoice.delivery", fmt.Sprint("inv", i))
	}
	b.until(t, func() bool {
		for n, i := range running {
			select {
			case <-i.dead:
				<-i.done
				running[n] = b.run(t, fault)
			default:
			}
		}
		mu.Lock()
		defer mu.Unlock()
		return left == 0 && len(b.plans(t)) == invoices*moments
	})
	times := map[string]int{}
	for _, f := range b.awaitFired(t, invoices*moments) {
		times[f.Data.Text("Invoice.Id")+" "+f.Data.Text("Schedule.Time")]++
		due, err := time.Parse(time.RFC3339, f.Data.Text("Schedule.DueAt"))
		if err != nil || f.at.Before(due) {
			t.Errorf("%s was accepted at %s, due %s (%v)", f.ID, f.at, due, err)
		}
	}
	for name, n := range times {
		if n != 1 {
			t.Errorf("%s fired %d times", name, n)
		}
	}
	if len(times) != invoices*moments {
		t.Errorf("%d of %d fired", len(times), invoices*moments)
	}
}
