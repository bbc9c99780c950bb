package matter

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/shared/event"
)

var (
	overdueOn = owner.Derive{Overdue: true}
	dormantOn = owner.Derive{DormantAfterDays: 3}
)

// bill is an invoice of 10.00 that was posted.
func bill(due, balance string) *Matter {
	i := new(Matter)
	i.Post(News{Seq: 5, Owner: "acme", Account: "a1", Name: "inv", At: deliveredAt, Values: event.Values{
		DueDate: event.Str(due), Balance: event.Str(balance),
	}})
	return i
}

func TestAnInvoiceIsDueWithTheFirstInstantAfterItsDueDate(t *testing.T) {
	for _, c := range []struct{ zone, due, want string }{
		{"Europe/Paris", "2026-03-28", "2026-03-29T00:00:00+01:00"},
		{"Pacific/Auckland", "2026-03-28", "2026-03-29T00:00:00+13:00"},
		{"Africa/Cairo", "2026-04-23", "2026-04-24T01:00:00+03:00"},   // there is no midnight
		{"America/Havana", "2026-10-31", "2026-11-01T00:00:00-04:00"}, // the first of two
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		i := bill(c.due, "10.00")
		i.Derive(overdueOn, Place{Zone: zone}, time.Time{})
		if got := i.Plans[0].DueAt.Format(time.RFC3339); got != c.want || i.Plans[0].State != Pending {
			t.Errorf("%s %s: %s, want %s", c.zone, c.due, got, c.want)
		}
	}
}

func TestOnlyWhatOwesIsOverdue(t *testing.T) {
	for _, c := range []struct {
		due, balance, status string
		want                 int
	}{
		{"2026-11-25", "10.00", "", 1},
		{"2026-11-25", "0.01", "delivered", 1},
		{"2026-11-25", "1E3", "", 1},
		{"2026-11-25", "0.00", "", 0},
		{"2026-11-25", "-5.00", "", 0},
		{"2026-11-25", "", "", 0},
		{"2026-11-25", "10.00", "Paid", 0},
		{"2026-11-25", "10.00", "void", 0},
		{"", "10.00", "", 0},
		{"9999-12-31", "10.00", "", 0}, // never, by many a platform
		{"0001-01-01", "10.00", "", 0},
	} {
		i := bill(c.due, c.balance)
		i.Learn(News{Seq: 6, Values: event.Values{Status: event.Str(c.status)}})
		if i.Derive(overdueOn, utc, time.Time{}); len(i.Plans) != c.want {
			t.Errorf("%+v: %+v", c, i.Plans)
		}
	}
}

// Each row takes an invoice due tomorrow through steps.
func TestAnOverduePlanFollowsWhatIsKnown(t *testing.T) {
	tomorrow := deliveredAt.AddDate(0, 0, 1).Format(time.DateOnly)
	derive := func(d owner.Derive, after time.Time) func(*Matter) {
		return func(i *Matter) { i.Derive(d, utc, after) }
	}
	learn := func(seq uint64, token, v string) func(*Matter) {
		return func(i *Matter) { i.Learn(News{Seq: seq, Values: event.Values{token: event.Str(v)}}) }
	}
	on, off := derive(overdueOn, time.Time{}), derive(owner.Derive{}, deliveredAt)
	told := func(i *Matter) { i.Tell(News{Seq: 7, Event: "theirs"}) }
	cancelled := func(i *Matter) { i.Cancel(i.Plans[0].ID) }
	late := deliveredAt.AddDate(0, 0, 9)
	for _, c := range []struct {
		rule  string
		steps []func(*Matter)
		want  State
	}{
		{"it waits", []func(*Matter){on}, Pending},
		{"not wanted", []func(*Matter){off}, ""},
		{"not wanted any more", []func(*Matter){on, off}, Cancelled},
		{"wanted again", []func(*Matter){on, off, on}, Pending},
		{"wanted when it had passed", []func(*Matter){derive(overdueOn, late)}, ""},
		{"which stays", []func(*Matter){derive(overdueOn, late), learn(7, Balance, "5.00"), on}, ""},
		{"until it is due later", []func(*Matter){derive(overdueOn, late), learn(7, DueDate, "2030-01-01"), on}, Pending},
		{"wanted again when it had passed", []func(*Matter){on, off, derive(overdueOn, late), on}, Cancelled},
		{"settled", []func(*Matter){on, learn(7, Balance, "0.00"), on}, Cancelled},
		{"settled and not at all", []func(*Matter){on, learn(7, Balance, "0.00"), on, learn(8, Balance, "1.00"), on}, Pending},
		{"told by the platform", []func(*Matter){on, told, on}, Cancelled},
		{"told before", []func(*Matter){told, on}, ""},
		{"by an operator", []func(*Matter){on, cancelled, learn(7, Balance, "5.00"), on}, Cancelled},
		{"without a zone", []func(*Matter){func(i *Matter) { i.Derive(overdueOn, Place{Refusal: "no zone"}, time.Time{}) }}, Refused},
		{"voided", []func(*Matter){on, func(i *Matter) { i.End(News{Seq: 7, Type: "invoice.voided"}) }, on}, Cancelled},
	} {
		i := bill(tomorrow, "10.00")
		for _, step := range c.steps {
			step(i)
		}
		var got State
		if len(i.Plans) > 0 {
			got = i.Plans[len(i.Plans)-1].State
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

// usedOn returns a service that was used so many days after the first.
func usedOn(days ...int) *Matter {
	i := new(Matter)
	for n, d := range days {
		i.See(News{Seq: uint64(n + 1), Owner: "acme", Account: "a1", Name: "sim", At: deliveredAt.AddDate(0, 0, d)}, utc)
		i.Derive(dormantOn, utc, time.Time{})
	}
	return i
}

func TestUsageMovesThePlanAndNotItsTimer(t *testing.T) {
	i := usedOn(0, 1, 2)
	p := i.Plans[0]
	midnight := deliveredAt.Truncate(24 * time.Hour)
	if want := midnight.AddDate(0, 0, 6); len(i.Plans) != 1 || !p.DueAt.Equal(want) {
		t.Errorf("%+v, want %s", i.Plans, want)
	}
	if want := midnight.AddDate(0, 0, 4); !p.Wakes().Equal(want) {
		t.Errorf("the timer is at %s, want %s", p.Wakes(), want)
	}
	j := everyone.at(p.Wakes())
	if fires, changed := i.Fire(j); len(fires) > 0 || !changed || !i.Again().Equal(p.DueAt) {
		t.Errorf("fires %v, again at %s, want %s", fires, i.Again(), p.DueAt)
	}
	if i.See(News{Seq: 9, At: deliveredAt.AddDate(0, 0, 2).Add(time.Hour)}, utc) {
		t.Error("more usage of a day was stored")
	}
}

func TestAZoneThatIsTakenAwayOrMovedNeverMakesADormancyEarly(t *testing.T) {
	i := usedOn(0)
	at := i.Plans[0].DueAt
	i.Derive(dormantOn, Place{Refusal: "no zone"}, deliveredAt)
	if !i.Plans[0].DueAt.Equal(at) || i.Plans[0].State != Pending {
		t.Errorf("%+v", i.Plans[0])
	}
	for _, name := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		i := usedOn(0)
		i.Derive(dormantOn, Place{Zone: zone}, deliveredAt)
		// The last usage that may have been passed over is that of the day's end.
		y, m, d := i.Usage.Through.In(zone).Date()
		if want := time.Date(y, m, d+4, 0, 0, 0, 0, zone); !i.Plans[0].DueAt.Equal(want) {
			t.Errorf("%s: %s, want %s", name, i.Plans[0].DueAt, want)
		}
	}
}

func TestADormancyIsOneUntilUsageThatFollowedIt(t *testing.T) {
	i := usedOn(0)
	at := i.Plans[0].DueAt
	if fires, _ := i.Fire(everyone.at(at)); len(fires) != 1 {
		t.Fatalf("fires %v", fires)
	}
	i.Done(i.Plans[0].ID)
	if i.See(News{Seq: 8, At: at.Add(-time.Hour)}, utc) {
		t.Error("usage that came late ended a dormancy that was told")
	}
	first := i.Plans[0]
	for n := range 3 { // the last that fired is kept
		at := at.AddDate(0, 0, 9*(n+1))
		if !i.See(News{Seq: uint64(9 + n), Owner: "acme", Account: "a1", Name: "sim", At: at}, utc) || !i.Derive(dormantOn, utc, time.Time{}) {
			t.Fatal("usage changed nothing")
		}
		if p := i.Plans[len(i.Plans)-1]; p.ID == first.ID || p.State != Pending || len(i.Plans) != 2 {
			t.Fatalf("%+v", i.Plans)
		}
		i.Fire(everyone.at(i.Plans[1].DueAt))
		i.Done(i.Plans[1].ID)
	}
}

func TestDerivedEventsWaitForWhatIsNotTakenIn(t *testing.T) {
	i := usedOn(0)
	j := everyone.at(i.Plans[0].DueAt)
	j.Hold = func(*Plan) bool { return true }
	if fires, changed := i.Fire(j); len(fires) > 0 || changed {
		t.Errorf("fires %v", fires)
	}
}

func TestDerivedEventsSayWhatTheyAreDerivedFrom(t *testing.T) {
	i := bill("2026-11-25", "10.00")
	i.Derive(overdueOn, utc, time.Time{})
	i.Learn(News{Seq: 8, Values: event.Values{Balance: event.Str("4.00")}})
	i.Fire(everyone.at(time.Date(2026, 11, 28, 7, 0, 0, 0, time.UTC)))
	e := i.Event(&i.Plans[0])
	want := event.Values{DueDate: event.Str("2026-11-25"), Balance: event.Str("4.00"), "Invoice.DaysOverdue": event.Int(3)}
	if diff := cmp.Diff(want, e.Data, cmp.AllowUnexported(event.Value{})); diff != "" || e.Type != "invoice.overdue" {
		t.Error(e.Type, diff)
	}
	s := usedOn(0)
	s.Fire(everyone.at(s.Plans[0].DueAt))
	e = s.Event(&s.Plans[0])
	want = event.Values{"AccountService.LastUsageDate": event.Str(deliveredAt.Format(time.RFC3339))}
	if diff := cmp.Diff(want, e.Data, cmp.AllowUnexported(event.Value{})); diff != "" || e.Type != "sim.dormant" {
		t.Error(e.Type, diff)
	}
}
