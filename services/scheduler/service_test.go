package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/topology"
)

// ahead returns the first whole second that is at least d ahead.
func ahead(d time.Duration) time.Time {
	return time.Now().Add(d + time.Second - 1).Truncate(time.Second)
}

// inTime prepares a bench before a moment that is at least d ahead, and another one
// with a moment further ahead while that takes longer: so it does on a slow machine.
func inTime(t *testing.T, d time.Duration, prepare func(b *bench, at time.Time)) (*bench, time.Time) {
	t.Helper()
	for ; ; d *= 4 {
		b, at := start(t), ahead(d)
		if prepare(b, at); time.Now().Before(at) {
			return b, at
		}
	}
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
	if got.at.Before(at) || got.at.Sub(at) > time.Minute {
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
			if p.State == matter.Fired {
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
	b, at := inTime(t, time.Second, func(b *bench, at time.Time) {
		b.subscribe(t, "one", at)
		first := b.run(t, none)
		b.publish(t, "invoice.delivery", "inv1")
		b.planned(t, 1)
		first.end()
	})
	<-time.After(time.Until(at.Add(1500 * time.Millisecond)))
	b.run(t, none)
	b.awaitFired(t, 1)
	b.publish(t, "invoice.delivery", "inv2") // its moment is over
	got := b.awaitFired(t, 2)
	if len(got) != 2 || got[0].Data.Text("Schedule.Late") != "true" || got[1].Data.Text("Invoice.Id") != "inv2" {
		t.Errorf("%d events, late: %s", len(got), got[0].Data.Text("Schedule.Late"))
	}
}

func TestALateSubscriptionGetsInvoicesDeliveredBeforeWhoseMomentIsAhead(t *testing.T) {
	b := start(t)
	b.run(t, none)
	b.publish(t, "invoice.delivery", "inv1")
	b.publish(t, "invoice.delivery", "void")
	b.publish(t, "invoice.voided", "void")
	b.until(t, func() bool { i := b.invoices(t)["void"]; return i != nil && i.Ended != "" })
	// The log is not what it is planned from: it may be shorter.
	s, err := b.js.Stream(t.Context(), topology.Events)
	if err == nil {
		err = s.Purge(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Minute)
	b.subscribe(t, "past", past)
	// A slow machine may see only later that there is a subscription.
	for d, known := 2*time.Second, false; !known; d *= 4 {
		at := ahead(d)
		b.subscribe(t, fmt.Sprint("ahead-", d), at)
		b.until(t, func() bool {
			known = len(b.plans(t)) > 0
			return known || time.Now().After(at)
		})
	}
	got := b.awaitFired(t, 1)
	if got[0].Data.Text("Invoice.Id") != "inv1" {
		t.Errorf("fired: %v", got)
	}
	for name, p := range b.plans(t) {
		if !strings.HasPrefix(name, "inv1 ") || !p.DueAt.After(past.Add(time.Second)) {
			t.Errorf("planned: %s", name)
		}
	}
}

func TestAChangedZonePlansAnew(t *testing.T) {
	b := start(t)
	b.run(t, none)
	b.want(t, due.Rule{Days: 3, At: 12 * 3600}) // ahead in every zone
	b.publish(t, "invoice.delivery", "inv1")
	b.planned(t, 1)
	zone := func() string {
		for _, p := range b.plans(t) {
			return p.Zone
		}
		return ""
	}
	for _, c := range []struct {
		bucket, key, set, want string
	}{
		{topology.Owners, "acme", "Asia/Tokyo", "Asia/Tokyo"},
		{topology.Accounts, "acme.a1", "Asia/Kathmandu", "Asia/Kathmandu"},
		{topology.Owners, "acme", "Europe/Paris", "Asia/Kathmandu"},
		{topology.Accounts, "acme.a1", "", "Europe/Paris"},
	} {
		b.write(t, c.bucket, c.key, map[string]string{"id": "acme", "name": "Acme", "time_zone": c.set})
		b.until(t, func() bool { return zone() == c.want })
	}
}

func TestTheEventHasStatusAndBalanceAsTheyAreWhenItIsDue(t *testing.T) {
	str := event.Str
	b, _ := inTime(t, 3*time.Second, func(b *bench, at time.Time) {
		b.subscribe(t, "one", at)
		b.run(t, none)
		b.publishData(t, "invoice.delivery", event.Values{"Invoice.Id": str("paid"), "Invoice.Status": str("delivered"), "Invoice.BalanceDue": str("10.00")})
		b.publishData(t, "invoice.delivery", event.Values{"Invoice.Id": str("late"), "Invoice.Status": str("delivered"), "Invoice.BalanceDue": str("10.00")})
		b.publishData(t, "payment.processed", event.Values{
			"Payment.InvoiceId": str("paid"), "Payment.InvoiceStatus": str("paid"), "Payment.InvoiceBalanceDue": str("0.00"),
		})
		b.publishData(t, "invoice.overdue", event.Values{"Invoice.Id": str("late"), "Invoice.Status": str("overdue")})
		b.until(t, func() bool {
			all := b.invoices(t)
			return all["paid"] != nil && all["late"] != nil && all["paid"].Present.Text("Invoice.Status") == "paid" && all["late"].Present.Text("Invoice.Status") == "overdue"
		})
	})
	got := map[string]string{}
	for _, f := range b.awaitFired(t, 2) {
		got[f.Data.Text("Invoice.Id")] = f.Data.Text("Invoice.Status") + " " + f.Data.Text("Invoice.BalanceDue")
	}
	if diff := cmp.Diff(map[string]string{"paid": "paid 0.00", "late": "overdue 10.00"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsLateFiresOldestFirstAtABoundedRate(t *testing.T) {
	const moments, invoices = 3, 8
	b, first := inTime(t, 4*time.Second, func(b *bench, first time.Time) {
		for i := range moments { // the later ones are set first
			b.subscribe(t, fmt.Sprint("s", i), first.Add(time.Duration(moments-i)*time.Second))
		}
		running := b.run(t, none)
		for i := range invoices {
			b.publish(t, "invoice.delivery", fmt.Sprint("inv", i))
		}
		b.planned(t, moments*invoices)
		running.end()
	})
	<-time.After(time.Until(first.Add((moments + 1) * time.Second).Add(1500 * time.Millisecond)))
	const rate = 20
	b.late = rate
	b.run(t, none)
	all := b.awaitFired(t, moments*invoices)
	var times []string
	for _, f := range all {
		times = append(times, f.Data.Text("Schedule.Time"))
	}
	if late := all[0].Data.Text("Schedule.Late"); !slices.IsSorted(times) || len(all) != moments*invoices || late != "true" {
		t.Errorf("fired %v, late: %s", times, late)
	}
	if took, least := all[len(all)-1].at.Sub(all[0].at), time.Second*moments*invoices/rate/2; took < least {
		t.Errorf("%d events took %s, at %d a second at least %s", len(all), took, rate, least)
	}
}

func TestVoidInvoicesAndUnwantedRulesFireNothing(t *testing.T) {
	b, at := inTime(t, 3*time.Second, func(b *bench, at time.Time) {
		b.subscribe(t, "one", at)
		b.subscribe(t, "deleted", at.Add(time.Second))
		b.run(t, none)
		b.publish(t, "invoice.delivery", "void")
		b.publish(t, "invoice.delivery", "good")
		b.planned(t, 4)
		b.publish(t, "invoice.voided", "void")
		b.change(t, "deleted", func(s *subscription.Subscription, m subscription.Moment) error {
			s.Delete(m)
			return nil
		})
		b.until(t, func() bool {
			cancelled := 0
			for _, p := range b.plans(t) {
				if p.State == matter.Cancelled || p.State == matter.Fired {
					cancelled++
				}
			}
			return cancelled >= 3
		})
	})
	got := b.awaitFired(t, 1)
	if len(got) != 1 || got[0].Data.Text("Invoice.Id") != "good" {
		t.Errorf("fired: %v", got)
	}
	for name, p := range b.plans(t) {
		wanted := name == "good "+at.In(b.zone).Format(time.TimeOnly)
		if wanted == (p.State == matter.Cancelled) {
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
