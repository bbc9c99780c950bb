package plan_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/plan"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/stored"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// nobody has nothing configured.
type nobody struct{}

func (nobody) Owner(string) *directory.Snapshot { return &directory.Snapshot{} }

// office is a desk with what it kept on record.
type office struct {
	*plan.Desk
	js   jetstream.JetStream
	kept []store.Deed
	// unkept is what keeping fails with.
	unkept error
}

func (o *office) Record(_ context.Context, d store.Deed) error {
	o.kept = append(o.kept, d)
	return o.unkept
}

func open(t *testing.T) *office {
	t.Helper()
	js := topologytest.JetStream(t)
	return &office{js: js, Desk: plan.NewDesk(plan.DeskDeps{JetStream: js, Snapshots: nobody{}, Now: func() time.Time { return now }})}
}

// of names an invoice.
type of struct{ owner, account, invoice string }

// planned stores an invoice with a pending plan for each number of days, and
// returns where they are.
func (o *office) planned(t *testing.T, of of, days ...int) []plan.Place {
	t.Helper()
	owner, account, invoice := of.owner, of.account, of.invoice
	i := &matter.Matter{Owner: owner, Account: account, Name: invoice, Part: 3, Seq: 1, Delivered: 1, DeliveredAt: now}
	wishes := matter.Wishes{}
	var out []plan.Place
	for _, n := range days {
		rule := due.Rule{Days: n}
		wishes[rule] = 0
		out = append(out, plan.Place{Owner: owner, Plan: matter.ID(owner, invoice, rule)})
	}
	i.Replan(wishes, matter.Place{Zone: time.UTC}, now)
	if _, err := stored.NewShelf(o.js).Put(t.Context(), book.Entry{Key: matter.Key(owner, account, invoice), Matter: i}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAPlanIsCancelledOnceAndThatIsOnRecord(t *testing.T) {
	o := open(t)
	at := o.planned(t, of{"acme", "A-1", "I-1"}, 3)[0]
	p, err := o.Cancel(t.Context(), o, at)
	if err != nil || p.State != string(matter.Cancelled) {
		t.Fatalf("%+v %v", p, err)
	}
	for _, again := range []func(context.Context, plan.Recorder, plan.Place) (plan.Planned, error){o.Cancel, o.Fire} {
		if _, err := again(t.Context(), o, at); fault.KindOf(err) != fault.Conflict {
			t.Errorf("what is cancelled was changed: %v", err)
		}
	}
	want := store.Deed{Owner: "acme", Verb: "cancel", Resource: access.Schedules, ID: at.Plan}
	if !slices.Equal(o.kept, []store.Deed{want}) {
		t.Errorf("on record is %+v", o.kept)
	}
}

func TestWhatCannotBeKeptOnRecordIsNotDone(t *testing.T) {
	o := open(t)
	o.unkept = errors.New("no room")
	at := o.planned(t, of{"acme", "A-1", "I-1"}, 3)[0]
	if _, err := o.Cancel(t.Context(), o, at); !errors.Is(err, o.unkept) {
		t.Error(err)
	}
	if p, err := o.Show(t.Context(), at); err != nil || p.State != string(matter.Pending) {
		t.Errorf("%+v %v", p, err)
	}
}

// A command that is cut off between the plan and its timer may be given again.
func TestFiringAgainSetsTheTimerAgain(t *testing.T) {
	o := open(t)
	at := o.planned(t, of{"acme", "A-1", "I-1"}, 3)[0]
	x := stored.NewTimer(o.js, func() time.Time { return now })
	for range 2 {
		if _, err := o.Fire(t.Context(), o, at); err != nil {
			t.Fatal(err)
		}
		armed, err := x.Armed(t.Context())
		if err != nil || !armed.Moments[timer.At(3, now)] || !armed.Timers[timer.At(3, now)] {
			t.Fatalf("%+v %v", armed.Moments, err)
		}
		if err := x.Drop(t.Context(), timer.At(3, now)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPlanIsFoundByItsOwnerAloneAndByItsAccountFaster(t *testing.T) {
	o := open(t)
	at := o.planned(t, of{"acme", "A-1", "I-1"}, 3)[0]
	for _, row := range []struct {
		owner, account string
		found          bool
	}{
		{"acme", "", true}, {"acme", "A-1", true}, {"acme", "A-2", false}, {"other", "", false},
		{"*", "", false}, {"acme", "*", false}, {"acme", ">", false},
	} {
		p, err := o.Show(t.Context(), plan.Place{Owner: row.owner, Account: row.account, Plan: at.Plan})
		if (err == nil) != row.found || row.found && p.Invoice != "I-1" || !row.found && fault.KindOf(err) != fault.NotFound {
			t.Errorf("%+v: %+v %v", row, p, err)
		}
	}
}

// found are the plans that a reading of the stream finds.
func (o *office) found(t *testing.T, q plan.Query) string {
	t.Helper()
	var names []string
	err := scan.Read(t.Context(), o.js, scan.Stretch{Stream: plan.Stream(), Filters: []string{q.Subject()}}, func(m *cursor.Message) error {
		plans, err := q.Plans(m)
		for _, p := range plans {
			if p != nil {
				names = append(names, p.Invoice+"/"+p.State)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestAQueryFindsItsPlansAndNoOthers(t *testing.T) {
	o := open(t)
	o.planned(t, of{"acme", "A-1", "I-1"}, 3, 5)
	gone := o.planned(t, of{"acme", "A-1", "I-2"}, 3)[0]
	o.planned(t, of{"acme", "A-2", "I-3"}, 3)
	o.planned(t, of{"other", "A-1", "I-1"}, 3)
	if _, err := o.Cancel(t.Context(), o, gone); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		q    plan.Query
		want string
	}{
		{plan.Query{}, "I-1/pending I-1/pending I-2/cancelled I-3/pending"},
		{plan.Query{Account: "A-1"}, "I-1/pending I-1/pending I-2/cancelled"},
		{plan.Query{Account: "A-1", Invoice: "I-1"}, "I-1/pending I-1/pending"},
		{plan.Query{Invoice: "I-3"}, "I-3/pending"},
		{plan.Query{State: "cancelled"}, "I-2/cancelled"},
		{plan.Query{Kind: "overdue"}, ""},
		{plan.Query{Service: "S"}, ""},
		{plan.Query{Account: "A-1", Service: "I-1"}, ""},
	} {
		row.q.Owner = "acme"
		if got := o.found(t, row.q); got != row.want {
			t.Errorf("%+v: %q, want %q", row.q, got, row.want)
		}
		list, err := o.List(t.Context(), row.q)
		var names []string
		for i := range list {
			names = append(names, list[i].Invoice+"/"+list[i].State)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != row.want || err != nil {
			t.Errorf("listed for %+v: %q (%v), want %q", row.q, got, err, row.want)
		}
	}
}
