package scheduler

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

// texts makes values of names and texts in turn.
func texts(pairs ...string) event.Values {
	out := event.Values{}
	for n := 0; n < len(pairs); n += 2 {
		out[pairs[n]] = event.Str(pairs[n+1])
	}
	return out
}

// derived waits until the plans for derived events are in these states, by what
// they are for.
func (b *bench) derived(t *testing.T, want map[string]matter.State) {
	t.Helper()
	var got map[string]matter.State
	defer func() {
		if t.Failed() {
			t.Logf("plans are %v, want %v", got, want)
		}
	}()
	b.until(t, func() bool {
		got = map[string]matter.State{}
		for name, i := range b.invoices(t) {
			for _, p := range i.Plans {
				if p.Kind != matter.AfterDelivery {
					got[name] = p.State
				}
			}
		}
		return cmp.Equal(want, got)
	})
}

func TestAnInvoiceIsOverdueAfterItsDueDateOnceUnlessThePlatformSaidSo(t *testing.T) {
	b := start(t)
	b.run(t, none)
	day := func(n int) string { return time.Now().In(b.zone).AddDate(0, 0, n).Format(time.DateOnly) }
	bill := func(id string, due int, balance string) event.Values {
		return texts("Invoice.Id", id, "Invoice.DueDate", day(due), "Invoice.BalanceDue", balance, "Invoice.Currency", "EUR")
	}
	b.publishData(t, "invoice.delivery", bill("known", 1, "10.00"))
	b.publishData(t, "invoice.delivery", bill("long ago", -9, "10.00"))
	b.publishData(t, "invoice.posted", bill("unknown", 1, "10.00"))
	b.until(t, func() bool { return len(b.invoices(t)) == 2 })
	b.derive(t, owner.Derive{Overdue: true})
	b.derived(t, map[string]matter.State{"known": matter.Pending})
	b.publishData(t, "invoice.overdue", texts("Invoice.Id", "told"))
	b.publishData(t, "invoice.posted", bill("told", -2, "10.00"))
	b.publishData(t, "invoice.posted", bill("settled", -2, "0.00"))
	b.publishData(t, "invoice.posted", bill("late", -2, "10.00"))
	b.publishData(t, "payment.processed", texts("Payment.InvoiceId", "known", "Payment.InvoiceStatus", "paid"))
	b.derived(t, map[string]matter.State{"known": matter.Cancelled, "late": matter.Fired})
	var ours []event.Values
	for _, f := range b.awaitEvents(t, "invoice.overdue", 2) {
		if f.Data.Text("Invoice.Id") != "told" {
			ours = append(ours, f.Data)
		}
	}
	want := bill("late", -2, "10.00")
	want["Invoice.DaysOverdue"] = event.Int(2)
	if diff := cmp.Diff([]event.Values{want}, ours, cmp.AllowUnexported(event.Value{})); diff != "" {
		t.Error(diff)
	}
	b.publishData(t, "invoice.updated", bill("known", 2, "10.00"))
	b.publishData(t, "invoice.updated", texts("Invoice.Id", "known", "Invoice.Status", "delivered"))
	b.derived(t, map[string]matter.State{"known": matter.Pending, "late": matter.Fired})
	b.derive(t, owner.Derive{})
	b.derived(t, map[string]matter.State{"known": matter.Cancelled, "late": matter.Fired})
}

// The scheduler is down while everything happens, and its timers go off while
// the later half is still to be read.
func TestAServiceIsDormantOnceAfterDaysWithoutUsage(t *testing.T) {
	b := start(t)
	b.derive(t, owner.Derive{DormantAfterDays: 30})
	sim := func(id string) event.Values { return texts("AccountService.Id", id, "AccountService.Name", "SIM") }
	ago := func(days int) time.Time { return time.Now().AddDate(0, 0, -days) }
	for _, id := range []string{"silent", "used since", "told", "cancelled"} {
		b.publishAt(t, "usage.seen", ago(40), sim(id))
	}
	b.publishAt(t, "usage.seen", ago(20), sim("used since"))
	b.publishAt(t, "sim.dormant", ago(9), sim("told"))
	b.publishAt(t, "service.state_transition", ago(9), texts("AccountService.Id", "cancelled", "AccountService.CurrentStatus", "Cancelled"))
	for range 3 {
		b.run(t, none)
	}
	b.derived(t, map[string]matter.State{
		"silent": matter.Fired, "used since": matter.Pending, "told": matter.Cancelled, "cancelled": matter.Cancelled,
	})
	b.publishAt(t, "usage.seen", ago(0), sim("silent"))
	b.derived(t, map[string]matter.State{
		"silent": matter.Pending, "used since": matter.Pending, "told": matter.Cancelled, "cancelled": matter.Cancelled,
	})
	got := map[string]string{}
	for _, f := range b.awaitEvents(t, "sim.dormant", 2) {
		got[f.Data.Text("AccountService.Id")] += f.Data.Text("AccountService.LastUsageDate")
	}
	if diff := cmp.Diff(map[string]string{"silent": got["silent"], "told": ""}, got); diff != "" {
		t.Error(diff)
	}
	if at, err := time.Parse(time.RFC3339, got["silent"]); err != nil || ago(40).Sub(at).Abs() > 10*time.Minute {
		t.Errorf("last used %q (%v)", got["silent"], err)
	}
}

// What a scheduled event may carry was carried by what it is made from.
func TestWhatIsKeptOfADeliveryIsLegalInADerivedEvent(t *testing.T) {
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	carries := carried(c)
	for _, token := range c.Carried("invoice.delivery") {
		if carries(matter.AfterDelivery, token.Name) && !carries(matter.Overdue, token.Name) {
			t.Errorf("%s may not be carried by %s", token.Name, matter.Overdue.EventType())
		}
	}
}
