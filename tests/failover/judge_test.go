package failover_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// fired is a scheduled event as it was accepted.
type fired struct {
	invoice, schedule string
	due, accepted     time.Time
}

// read reads an accepted event.
func read(data []byte, accepted time.Time) (fired, error) {
	var e struct {
		Data struct {
			Invoice  string    `json:"Invoice.Id"`
			Schedule string    `json:"Schedule.Time"`
			Due      time.Time `json:"Schedule.DueAt"`
		}
	}
	err := json.Unmarshal(data, &e)
	if err == nil && (e.Data.Invoice == "" || e.Data.Schedule == "" || e.Data.Due.IsZero()) {
		err = fmt.Errorf("event does not say which plan it is of: %s", data)
	}
	return fired{e.Data.Invoice, e.Data.Schedule, e.Data.Due, accepted}, err
}

// verdict is what was found of a load.
type verdict struct {
	plans, missing, twice, early, unknown int
	latest                                time.Duration
}

// judge compares what was accepted with the load: each invoice once at each
// moment, and not before it. The moment is the load's, not what the event says.
func judge(l load, all []fired) verdict {
	times := map[[2]string]int{}
	due := map[[2]string]time.Time{}
	for i := range l.invoices {
		for m := range l.moments {
			at := l.first.Add(time.Duration(m) * time.Second).UTC()
			plan := [2]string{fmt.Sprint("i", i), at.Format(time.TimeOnly)}
			times[plan], due[plan] = 0, at
		}
	}
	var v verdict
	for _, f := range all {
		plan := [2]string{f.invoice, f.schedule}
		at, ok := due[plan]
		if !ok || !f.due.Equal(at) {
			v.unknown++
			continue
		}
		times[plan]++
		if f.accepted.Before(at) {
			v.early++
		}
		v.latest = max(v.latest, f.accepted.Sub(at))
	}
	for _, n := range times {
		if n == 0 {
			v.missing++
			continue
		}
		v.plans++
		v.twice += n - 1
	}
	return v
}

// wrong is nil when everything is as it must be.
func (v verdict) wrong() error {
	if v.missing+v.twice+v.early+v.unknown == 0 {
		return nil
	}
	return fmt.Errorf("%d plans fired, %d are missing, %d fired twice, %d early, %d are of no plan", v.plans, v.missing, v.twice, v.early, v.unknown)
}

// lived returns what a load leaves when nothing goes wrong.
func lived(l load) (all []fired) {
	for i := range l.invoices {
		for m := range l.moments {
			at := l.first.Add(time.Duration(m) * time.Second)
			all = append(all, fired{fmt.Sprint("i", i), at.UTC().Format(time.TimeOnly), at, at.Add(time.Duration(i) * time.Millisecond)})
		}
	}
	return all
}

func TestTheJudgeCatchesEveryFault(t *testing.T) {
	l := load{invoices: 5, moments: 4, first: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)}
	const n = 7
	for _, c := range []struct {
		fault string
		plant func([]fired) []fired
		want  verdict
	}{
		{"none", func(f []fired) []fired { return f }, verdict{plans: 20}},
		{"a double", func(f []fired) []fired { return append(f, f[n]) }, verdict{plans: 20, twice: 1}},
		{"a double, much later", func(f []fired) []fired {
			again := f[n]
			again.accepted = again.accepted.Add(time.Minute)
			return append(f, again)
		}, verdict{plans: 20, twice: 1}},
		{"an early one", func(f []fired) []fired {
			f[n].accepted = f[n].due.Add(-time.Millisecond)
			return f
		}, verdict{plans: 20, early: 1}},
		{"an early one that says that it is due", func(f []fired) []fired {
			f[n].due, f[n].accepted = f[n].due.Add(-time.Second), f[n].due.Add(-time.Second)
			return f
		}, verdict{plans: 19, missing: 1, unknown: 1}},
		{"a missing one", func(f []fired) []fired { return append(f[:n], f[n+1:]...) }, verdict{plans: 19, missing: 1}},
		{"a missing one and a double, as many as there should be", func(f []fired) []fired {
			f[n] = f[n-1]
			return f
		}, verdict{plans: 19, missing: 1, twice: 1}},
		{"one of an invoice that is none", func(f []fired) []fired {
			f[n].invoice = "i99"
			return f
		}, verdict{plans: 19, missing: 1, unknown: 1}},
		{"nothing at all", func([]fired) []fired { return nil }, verdict{missing: 20}},
	} {
		got := judge(l, c.plant(lived(l)))
		got.latest = 0
		if got != c.want || (got.wrong() == nil) != (c.fault == "none") {
			t.Errorf("%s: %+v, %v, want %+v", c.fault, got, got.wrong(), c.want)
		}
	}
}

func TestAnEventOfNoPlanIsAFault(t *testing.T) {
	at := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	f, err := read([]byte(`{"data":{"Invoice.Id":"i1","Schedule.Time":"09:00:00","Schedule.DueAt":"2026-03-04T09:00:00Z"}}`), at)
	if err != nil || f != (fired{"i1", "09:00:00", at, at}) {
		t.Errorf("%+v, %v", f, err)
	}
	for _, data := range []string{"", `{"data":{}}`, `{"data":{"Invoice.Id":"i1","Schedule.Time":"09:00:00","Schedule.DueAt":"soon"}}`} {
		if f, err := read([]byte(data), at); err == nil {
			t.Errorf("%s: %+v", data, f)
		}
	}
}
