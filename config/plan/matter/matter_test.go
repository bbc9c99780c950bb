package matter

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/id"
)

func moment(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

// nine is due at nine o'clock, so many days after.
func nine(days int) due.Rule { return due.Rule{Days: days, At: 9 * 3600} }

// deliveredAt is a delivery at midnight of day 0.
var deliveredAt = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

func fresh(t *testing.T) *Matter {
	t.Helper()
	i := new(Matter)
	if !i.Deliver(News{Seq: 5, Owner: "acme", Account: "a1", Name: "inv", Event: "e5", At: deliveredAt}) {
		t.Fatal("not delivered")
	}
	return i
}

var (
	utc      = Place{Zone: time.UTC}
	nowhere  = Place{Refusal: "no time zone"}
	everyone = Judge{Wanted: func(*Plan) bool { return true }, Hold: func(*Plan) bool { return false }}
)

func (j Judge) at(now time.Time) Judge { j.Now, j.Moment = now, now; return j }

// Each row takes an invoice with one plan through steps and says what the plan
// is at the end.
func TestAPlanFollowsItsStates(t *testing.T) {
	wanted, dueAt := Wishes{nine(1): 0}, deliveredAt.Add(33*time.Hour)
	fire := func(i *Matter) { i.Fire(everyone.at(dueAt)) }
	replan := func(w Wishes, p Place, now time.Time) func(*Matter) { return func(i *Matter) { i.Replan(w, p, now) } }
	end := func(seq uint64) func(*Matter) {
		return func(i *Matter) { i.End(News{Type: "invoice.voided", Seq: seq}) }
	}
	again := func(seq uint64) func(*Matter) {
		return func(i *Matter) {
			i.Deliver(News{Seq: seq, Owner: "acme", Account: "a1", Name: "inv", Event: "again", At: deliveredAt})
			i.Replan(wanted, utc, deliveredAt)
		}
	}
	cancel := func(i *Matter) { i.Cancel(i.Plans[0].ID) }
	for _, c := range []struct {
		rule  string
		steps []func(*Matter)
		want  State
	}{
		{"planned", nil, Pending},
		{"fires at its moment", []func(*Matter){fire}, Firing},
		{"not a nanosecond before", []func(*Matter){func(i *Matter) { i.Fire(everyone.at(dueAt.Add(-1))) }}, Pending},
		{"unless an operator wants it to", []func(*Matter){
			func(i *Matter) { i.Force(i.Plans[0].ID, deliveredAt) }, func(i *Matter) { i.Fire(everyone.at(deliveredAt)) }}, Firing},
		{"is fired when it was published", []func(*Matter){fire, func(i *Matter) { i.Done(i.Plans[0].ID) }}, Fired},
		{"is not fired before it fires", []func(*Matter){func(i *Matter) { i.Done(i.Plans[0].ID) }}, Pending},
		{"unwanted at its moment", []func(*Matter){func(i *Matter) {
			i.Fire(Judge{Now: dueAt, Moment: dueAt, Wanted: func(*Plan) bool { return false }})
		}}, Cancelled},
		{"ended", []func(*Matter){end(6)}, Cancelled},
		{"not by an event before the delivery", []func(*Matter){end(4)}, Pending},
		{"an ended one does not fire", []func(*Matter){end(6), fire}, Cancelled},
		{"one that fires does not end", []func(*Matter){fire, end(6)}, Firing},
		{"delivered again after the end", []func(*Matter){end(6), again(7)}, Pending},
		{"the delivery before the end, read again", []func(*Matter){end(6), again(5)}, Cancelled},
		{"an ended one is not planned for a change", []func(*Matter){end(6), replan(wanted, utc, deliveredAt)}, Cancelled},
		{"fired stays fired when delivered again", []func(*Matter){fire, func(i *Matter) { i.Done(i.Plans[0].ID) }, again(7)}, Fired},
		{"unwanted by a change", []func(*Matter){replan(nil, utc, deliveredAt)}, Cancelled},
		{"and wanted again", []func(*Matter){replan(nil, utc, deliveredAt), replan(wanted, utc, deliveredAt)}, Pending},
		{"wanted again too late", []func(*Matter){replan(nil, utc, deliveredAt), replan(Wishes{nine(1): 9}, utc, dueAt)}, Cancelled},
		{"cancelled by an operator", []func(*Matter){cancel}, Cancelled},
		{"which no change undoes", []func(*Matter){cancel, replan(wanted, utc, deliveredAt)}, Cancelled},
		{"but a new delivery does", []func(*Matter){cancel, again(7)}, Pending},
		{"an operator cancels nothing that fires", []func(*Matter){fire, cancel}, Firing},
		{"a zone that is taken away leaves it", []func(*Matter){replan(wanted, nowhere, deliveredAt)}, Pending},
	} {
		i := fresh(t)
		i.Replan(wanted, utc, deliveredAt)
		for _, step := range c.steps {
			step(i)
		}
		if got := i.Plans[0].State; got != c.want || len(i.Plans) != 1 {
			t.Errorf("%s: %s, want %s (%d plans)", c.rule, got, c.want, len(i.Plans))
		}
	}
}

func TestWithoutAZoneAPlanIsRefusedUntilThereIsOne(t *testing.T) {
	i := fresh(t)
	i.Replan(Wishes{nine(1): 0}, nowhere, deliveredAt)
	if p := i.Plans[0]; p.State != Refused || p.Reason != nowhere.Refusal || i.Unfinished() {
		t.Fatalf("%+v", p)
	}
	i.Replan(Wishes{nine(1): 0}, utc, deliveredAt)
	if p := i.Plans[0]; p.State != Pending || p.Reason != "" || !p.DueAt.Equal(deliveredAt.Add(33*time.Hour)) {
		t.Errorf("%+v", p)
	}
}

func TestAChangedZoneMovesWhatIsPending(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	i := fresh(t)
	w := Wishes{nine(1): 0, nine(0): 0}
	i.Replan(w, utc, deliveredAt)
	i.Fire(everyone.at(deliveredAt.Add(10 * time.Hour)))
	if changed := i.Replan(w, Place{Zone: tokyo}, deliveredAt); !changed {
		t.Error("nothing changed")
	}
	fired, moved := i.Plans[0], i.Plans[1]
	if fired.Zone != "UTC" || fired.State != Firing {
		t.Errorf("what fires was moved: %+v", fired)
	}
	if want := time.Date(2026, 11, 3, 9, 0, 0, 0, tokyo); !moved.DueAt.Equal(want) || moved.Zone != "Asia/Tokyo" {
		t.Errorf("due %s, want %s", moved.DueAt, want)
	}
	if i.Replan(w, Place{Zone: tokyo}, deliveredAt) {
		t.Error("changed twice")
	}
}

// Whoever reads the plan would look for the old zone's hours, and a test of the
// scheduler failed for an hour of each day.
func TestAPlanTellsItsNewZoneThoughItsMomentIsTheSame(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	i := fresh(t)
	w := Wishes{nine(1): 0}
	i.Replan(w, Place{Zone: tokyo}, deliveredAt)
	due := i.Plans[0].DueAt
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	if changed := i.Replan(w, Place{Zone: seoul}, deliveredAt); !changed {
		t.Error("nothing changed")
	}
	if p := i.Plans[0]; len(i.Plans) != 1 || p.Zone != "Asia/Seoul" || !p.DueAt.Equal(due) {
		t.Errorf("%+v, want it due %s", i.Plans, due)
	}
}

func TestWhatWasDeliveredBeforeAWishIsPlannedOnlyAhead(t *testing.T) {
	i := fresh(t)
	now := deliveredAt.Add(33 * time.Hour)
	i.Replan(Wishes{nine(1): 5, nine(2): 5, nine(0): 4}, utc, now)
	var got []int
	for _, p := range i.Plans {
		got = append(got, p.Days)
	}
	if diff := cmp.Diff([]int{0, 2}, got); diff != "" {
		t.Errorf("planned days: %s", diff)
	}
}

func TestAPlanIsLateAfterTheGraceOfItsMomentOrOfTheDelivery(t *testing.T) {
	for _, c := range []struct {
		rule      string
		days      int
		delivered time.Duration // after midnight
		now       time.Duration
		want      bool
	}{
		{"in time", 0, 0, 9 * time.Hour, false},
		{"within the grace", 0, 0, 9*time.Hour + 5*time.Second, false},
		{"after it", 0, 0, 9*time.Hour + 6*time.Second, true},
		{"due before the delivery", 0, 12 * time.Hour, 12*time.Hour + time.Second, false},
		{"and late after that", 0, 12 * time.Hour, 12*time.Hour + time.Minute, true},
	} {
		i := new(Matter)
		i.Deliver(News{Seq: 5, Owner: "acme", Name: "inv", At: deliveredAt.Add(c.delivered)})
		i.Replan(Wishes{nine(c.days): 0}, utc, deliveredAt)
		j := everyone.at(deliveredAt.Add(c.now))
		j.Grace = 5 * time.Second
		i.Fire(j)
		if p := i.Plans[0]; p.State != Firing || p.Late != c.want {
			t.Errorf("%s: %s, late %v", c.rule, p.State, p.Late)
		}
	}
}

func TestWhatIsDueLaterHasATurnOfItsOwn(t *testing.T) {
	i := fresh(t)
	i.Replan(Wishes{nine(0): 0, nine(1): 0}, utc, deliveredAt)
	j := everyone.at(deliveredAt.AddDate(0, 0, 9))
	j.Moment = i.Plans[0].DueAt
	if fires, _ := i.Fire(j); len(fires) != 1 || i.Plans[0].State != Firing || i.Plans[1].State != Pending {
		t.Errorf("fires %v: %+v", fires, i.Plans)
	}
}

func TestTheEventCarriesTheFrozenValuesThePresentOnesAndTheSchedule(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	i := &Matter{
		Owner: "acme", Account: "a1", Name: "inv", Seq: 5, Delivered: 5,
		Values: event.Values{"Invoice.Total": event.Str("12.50"), "Invoice.Status": event.Str("delivered")},
	}
	if !i.Learn(News{Seq: 7, Values: event.Values{"Invoice.Status": event.Str("paid"), "Invoice.BalanceDue": event.Str("0.00")}}) {
		t.Error("a newer event told nothing")
	}
	if i.Learn(News{Seq: 6, Values: event.Values{"Invoice.Status": event.Str("posted")}}) {
		t.Error("an older event told something")
	}
	p := &Plan{
		ID: "pln_abc", Days: 3, Time: "09:00:00", Calendar: "cal_1", Zone: "Asia/Kathmandu",
		DueAt: moment(1_800_000_000).In(zone), FiredAt: moment(1_800_000_010), Late: true,
	}
	want := &event.Event{
		ID: "evt_abc", Type: "invoice.delivery_date_plus", Owner: "acme", Account: "a1", Time: moment(1_800_000_010),
		Data: event.Values{
			"Invoice.Total": event.Str("12.50"), "Invoice.Status": event.Str("paid"), "Invoice.BalanceDue": event.Str("0.00"),
			"Schedule.Days": event.Int(3), "Schedule.Time": event.Str("09:00:00"), "Schedule.Calendar": event.Str("cal_1"),
			"Schedule.DueAt": event.Str("2027-01-15T13:45:00+05:45"), "Schedule.TimeZone": event.Str("Asia/Kathmandu"),
			"Schedule.Late": event.Boolean(true),
		},
	}
	if diff := cmp.Diff(want, i.Event(p), cmp.AllowUnexported(event.Value{})); diff != "" {
		t.Error(diff)
	}
	if len(i.Values) != 2 {
		t.Error("the frozen values were changed")
	}
}

func TestIDsAreIdentifiersAndTellInvoicesAndRulesApart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		draw := func() (string, string, due.Rule) {
			return rapid.SampledFrom([]string{"a", "ab"}).Draw(r, "owner"), rapid.StringMatching(`[ab.:* ]{0,3}`).Draw(r, "invoice"),
				due.Rule{
					Days: rapid.IntRange(0, 11).Draw(r, "days"), At: due.TimeOfDay(rapid.IntRange(0, 11).Draw(r, "at")),
					Calendar: rapid.SampledFrom([]due.Calendar{"", "next 06", "previous 06"}).Draw(r, "calendar"),
				}
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
