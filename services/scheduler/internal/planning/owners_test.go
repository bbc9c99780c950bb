package planning_test

import (
	"context"
	"testing"
	"time"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
)

// Most events are about invoices of owners for whom nothing is planned.
func TestOfAnOwnerOfWhomNothingIsKeptNothingIsRead(t *testing.T) {
	news := func(seq uint64) matter.News {
		return matter.News{Seq: seq, Owner: "acme", Account: "a1", Name: "inv", Event: "e", At: time.Now()}
	}
	reconcile := func(p *planning.Planner) error {
		return p.Reconcile(context.Background(), func(string) time.Duration { return 1000 * time.Hour })
	}
	deliver := func(p *planning.Planner) error { return p.Deliver(context.Background(), news(1)) }
	for name, take := range map[string]func(*planning.Planner) error{
		"posted":    func(p *planning.Planner) error { return p.Post(t.Context(), news(2)) },
		"learnt of": func(p *planning.Planner) error { return p.Learn(t.Context(), news(2)) },
		"overdue":   func(p *planning.Planner) error { return p.Tell(t.Context(), news(2)) },
		"dormant":   func(p *planning.Planner) error { return p.Sleep(t.Context(), news(2)) },
		"used": func(p *planning.Planner) error {
			_, err := p.See(t.Context(), news(2))
			return err
		},
		"ended":         func(p *planning.Planner) error { return p.End(t.Context(), news(2).Key(), news(2)) },
		"account ended": func(p *planning.Planner) error { return p.EndAll(t.Context(), news(2), everyMatter) },
	} {
		for _, c := range []struct {
			name   string
			before []func(*planning.Planner) error
			derive owner.Derive
			read   bool
		}{
			{"nobody has seen what there is", nil, owner.Derive{}, true},
			{"there is nothing", []func(*planning.Planner) error{reconcile}, owner.Derive{}, false},
			{"something was delivered since", []func(*planning.Planner) error{reconcile, deliver}, owner.Derive{}, true},
			{"something was delivered before", []func(*planning.Planner) error{deliver, reconcile}, owner.Derive{}, true},
			{"it wants events derived", []func(*planning.Planner) error{reconcile}, owner.Derive{Overdue: true, DormantAfterDays: 3}, name != "ended" && name != "account ended"},
		} {
			t.Run(name+", "+c.name, func(t *testing.T) {
				w := newWorld()
				w.derives = func(string) owner.Derive { return c.derive }
				for _, do := range c.before {
					if err := do(w.planner); err != nil {
						t.Fatal(err)
					}
				}
				w.reads = 0
				if err := take(w.planner); err != nil {
					t.Fatal(err)
				}
				if read := w.reads > 0; read != c.read {
					t.Errorf("read %t, want %t", read, c.read)
				}
			})
		}
	}
}

// What was derived for an owner is ended though it wants nothing derived any more.
func TestWhatIsKeptOfAnOwnerIsEndedWhateverItWantsNow(t *testing.T) {
	w := newWorld()
	w.derives = func(string) owner.Derive { return owner.Derive{Overdue: true} }
	if err := w.planner.Reconcile(t.Context(), func(string) time.Duration { return time.Hour }); err != nil {
		t.Fatal(err)
	}
	n := matter.News{Seq: 1, Owner: "acme", Account: "a1", Name: "inv", Event: "e1", At: w.now}
	if err := w.planner.Post(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	w.derives = func(string) owner.Derive { return owner.Derive{} }
	n.Seq, n.Type = 2, "invoice.voided"
	if err := w.planner.End(t.Context(), n.Key(), n); err != nil {
		t.Fatal(err)
	}
	if s := w.shelf[n.Key()]; s.matter == nil || s.matter.Ended != "invoice.voided" {
		t.Errorf("%+v", s.matter)
	}
}
