package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/scheduler/internal/due"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/id"
)

func moment(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

func TestAPlanFollowsItsStates(t *testing.T) {
	at := moment(100)
	for _, c := range []struct {
		rule string
		from State
		do   func(Plan) (Plan, bool)
		want State
	}{
		{"pending fires at its moment", Pending, func(p Plan) (Plan, bool) { return p.Fire(at, 0) }, Firing},
		{"not a nanosecond before", Pending, func(p Plan) (Plan, bool) { return p.Fire(at.Add(-1), 0) }, Pending},
		{"firing fires no second time", Firing, func(p Plan) (Plan, bool) { return p.Fire(at, 0) }, Firing},
		{"fired fires no second time", Fired, func(p Plan) (Plan, bool) { return p.Fire(at, 0) }, Fired},
		{"cancelled does not fire", Cancelled, func(p Plan) (Plan, bool) { return p.Fire(at, 0) }, Cancelled},
		{"refused does not fire", Refused, func(p Plan) (Plan, bool) { return p.Fire(at, 0) }, Refused},
		{"pending is cancelled", Pending, func(p Plan) (Plan, bool) { return p.Cancel("void", 6) }, Cancelled},
		{"not by an older event", Pending, func(p Plan) (Plan, bool) { return p.Cancel("void", 4) }, Pending},
		{"firing is not cancelled", Firing, func(p Plan) (Plan, bool) { return p.Cancel("void", 6) }, Firing},
		{"fired is not cancelled", Fired, func(p Plan) (Plan, bool) { return p.Cancel("void", 6) }, Fired},
		{"pending is planned anew", Pending, replan(6), Pending},
		{"cancelled is planned anew by a newer delivery", Cancelled, replan(6), Pending},
		{"but not by an older one", Cancelled, replan(4), Cancelled},
		{"nor by the one before it was cancelled", Cancelled, replan(5), Cancelled},
		{"refused is planned anew", Refused, replan(6), Pending},
		{"firing is not planned anew", Firing, replan(6), Firing},
		{"fired is not planned anew", Fired, replan(6), Fired},
	} {
		p, changed := c.do(Plan{State: c.from, DueAt: at, Seq: 5})
		if p.State != c.want {
			t.Errorf("%s: %s became %s", c.rule, c.from, p.State)
		}
		if replanned := c.from == Pending && p.Seq == 6; changed != (c.from != c.want || replanned) {
			t.Errorf("%s: changed is %v", c.rule, changed)
		}
	}
}

func replan(seq uint64) func(Plan) (Plan, bool) {
	return func(p Plan) (Plan, bool) { return Replan(&p, Plan{State: Pending, Seq: seq}) }
}

func TestAPlanIsLateAfterTheGrace(t *testing.T) {
	p := Plan{State: Pending, DueAt: moment(100)}
	for _, c := range []struct {
		now  int64
		want bool
	}{{100, false}, {105, false}, {106, true}} {
		if got, _ := p.Fire(moment(c.now), 5*time.Second); got.Late != c.want {
			t.Errorf("at %d: late is %v", c.now, got.Late)
		}
	}
}

func TestTheEventCarriesTheScheduleAndTheFrozenValues(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{
		ID: "pln_abc", Owner: "acme", Account: "a1", Days: 3, Time: "09:00:00", Zone: "Asia/Kathmandu",
		DueAt: moment(1_800_000_000).In(zone), FiredAt: moment(1_800_000_010), Late: true,
		Values: event.Values{"Invoice.Total": event.Str("12.50")},
	}
	want := &event.Event{
		ID: "evt_abc", Type: "invoice.delivery_date_plus", Owner: "acme", Account: "a1", Time: moment(1_800_000_010),
		Data: event.Values{
			"Invoice.Total": event.Str("12.50"), "Schedule.Days": event.Int(3), "Schedule.Time": event.Str("09:00:00"),
			"Schedule.DueAt": event.Str("2027-01-15T13:45:00+05:45"), "Schedule.TimeZone": event.Str("Asia/Kathmandu"),
			"Schedule.Late": event.Boolean(true),
		},
	}
	if diff := cmp.Diff(want, p.Event(), cmp.AllowUnexported(event.Value{})); diff != "" {
		t.Error(diff)
	}
	if len(p.Values) != 1 {
		t.Error("the frozen values were changed")
	}
}

func TestIDsAreIdentifiersAndTellInvoicesApart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		draw := func() (string, string, due.Rule) {
			return rapid.SampledFrom([]string{"a", "ab"}).Draw(r, "owner"), rapid.StringMatching(`[ab.:* ]{0,3}`).Draw(r, "invoice"),
				due.Rule{Days: rapid.IntRange(0, 11).Draw(r, "days"), At: due.TimeOfDay(rapid.IntRange(0, 11).Draw(r, "at"))}
		}
		o1, i1, r1 := draw()
		o2, i2, r2 := draw()
		a, b := ID(o1, i1, r1), ID(o2, i2, r2)
		if !id.Valid(a) {
			r.Fatalf("%q is no identifier", a)
		}
		if same := o1 == o2 && i1 == i2 && r1 == r2; same != (a == b) {
			r.Fatalf("%s %q %v and %s %q %v gave %s and %s", o1, i1, r1, o2, i2, r2, a, b)
		}
	})
}
