package chaos_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// flawless is the evidence of a run without any fault: ten events, of which
// one leads to a mail and two to a plan.
func flawless() *evidence {
	e := &evidence{
		published: 10, credits: 1, invoices: 2, hookKills: 1, mailKills: 1, inFlight: 2,
		hooks: map[string]int{}, mails: map[string]int{"m1": 1}, of: map[string]string{},
	}
	arrives := func(id string) {
		e.hooks["dlv_"+id] = 1
		e.of["dlv_"+id] = id
		e.deliveries = append(e.deliveries, "accounts "+id)
	}
	for i := range 10 {
		id := fmt.Sprintf("acc_%d", i)
		switch i {
		case 3:
			id = fmt.Sprintf("crd_%d", i)
			e.deliveries = append(e.deliveries, "credits "+id)
		case 4, 7:
			id = fmt.Sprintf("inv_%d", i)
		default:
			arrives(id)
		}
		e.events = append(e.events, logged{id: id, account: fmt.Sprintf("A-%d", i%2)})
	}
	for _, invoice := range []string{"I-4", "I-7"} {
		e.events = append(e.events, logged{id: "plan_" + invoice, account: "A-0", invoice: invoice})
		arrives("plan_" + invoice)
	}
	return e
}

// A judge that cannot see a fault proves nothing.
func TestEachPlantedFaultIsSeenByItsJudgeAlone(t *testing.T) {
	const events, deliveries, hooks, mails, plans, again = "every event is in EVENTS once, in its account's order",
		"every delivery is created once", "every webhook arrived", "every mail arrived", "every plan fired once",
		"repeats are at most what was under way"
	for _, row := range []struct {
		fault string
		plant func(*evidence)
		seen  []string
	}{
		{"none", func(*evidence) {}, nil},
		{"an event is lost", func(e *evidence) { e.events = slices.Delete(e.events, 1, 2) }, []string{events}},
		{"an event stands twice", func(e *evidence) { e.events = append(e.events, e.events[0]) }, []string{events}},
		{"two events of an account are swapped", func(e *evidence) { e.events[0], e.events[2] = e.events[2], e.events[0] }, []string{events}},
		{"two neighbours of different accounts are swapped", func(e *evidence) { e.events[0], e.events[1] = e.events[1], e.events[0] }, nil},
		{"a delivery is not created", func(e *evidence) { e.deliveries = e.deliveries[1:] }, []string{deliveries}},
		{"a delivery is created twice", func(e *evidence) { e.deliveries = append(e.deliveries, e.deliveries[0]) }, []string{deliveries}},
		{"a webhook is lost", func(e *evidence) { delete(e.hooks, "dlv_acc_0"); delete(e.of, "dlv_acc_0") }, []string{hooks}},
		{"an event has two webhook ids", func(e *evidence) { e.hooks["other"], e.of["other"] = 1, "acc_0" }, []string{hooks}},
		{"a signature is wrong", func(e *evidence) { e.bad = []string{"/chaos"} }, []string{hooks}},
		{"a mail is lost", func(e *evidence) { clear(e.mails) }, []string{mails}},
		{"a mail comes under another id", func(e *evidence) { e.mails["m2"] = 1 }, []string{mails}},
		{"a plan never fires", func(e *evidence) { e.events = e.events[:len(e.events)-1] }, []string{plans}},
		{"a plan fires twice", func(e *evidence) {
			e.events = append(e.events, logged{id: "plan_again", account: "A-0", invoice: "I-4"})
		}, []string{plans}},
		{"as many webhooks repeat as were under way", func(e *evidence) { e.hooks["dlv_acc_0"] += 2 }, nil},
		{"more webhooks repeat", func(e *evidence) { e.hooks["dlv_acc_0"] += 3 }, []string{again}},
		{"more mails repeat", func(e *evidence) { e.mails["m1"] += connections + 1 }, []string{again}},
	} {
		e := flawless()
		row.plant(e)
		var seen []string
		for _, name := range slices.Sorted(maps.Keys(judges())) {
			if judges()[name](e) != nil {
				seen = append(seen, name)
			}
		}
		if !slices.Equal(seen, row.seen) {
			t.Errorf("%s: seen by %q, want %q", row.fault, seen, row.seen)
		}
	}
}
