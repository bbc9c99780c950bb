package index

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/filter"
)

var builder = Builder{Subscribable: func(t string) bool { return t != "usage.seen" }}

func build(t testing.TB, sources ...Source) *Index {
	t.Helper()
	x, failed := builder.Build(nil, sources)
	if len(failed) > 0 {
		t.Fatal(failed)
	}
	return x
}

// source returns an open version 1 from the start of the log, by webhook.
func source(id string, spec subscription.Spec) Source {
	if spec.Channel == "" {
		spec.Channel = delivery.Webhook
	}
	spec.ID = id
	return Source{id, &subscription.Version{Revision: 1, Spec: &spec}}
}

func texts(values ...string) []filter.Alternative {
	var out []filter.Alternative
	for _, v := range values {
		out = append(out, filter.Alternative{Op: filter.Exact, Values: []event.Value{event.Str(v)}})
	}
	return out
}

func TestAVersionMatchesItsWindowOnly(t *testing.T) {
	windowed := func(from, until uint64, ended bool) Source {
		s := source("s", subscription.Spec{Events: []string{"refund.processed"}})
		s.Version.FromSeq, s.Version.UntilSeq = from, until
		if ended {
			s.Version.EndedAt = time.Unix(1, 0)
		}
		return s
	}
	for _, c := range []struct {
		rule   string
		source Source
		seq    uint64
		want   bool
	}{
		{"its from_seq is before it", windowed(10, 0, false), 10, false},
		{"the sequence after from_seq is in it", windowed(10, 0, false), 11, true},
		{"an open one has no end", windowed(10, 0, false), 1 << 40, true},
		{"its until_seq is in it", windowed(10, 20, true), 20, true},
		{"the sequence after until_seq is behind it", windowed(10, 20, true), 21, false},
		{"one that ended before it began has nothing", windowed(10, 10, true), 11, false},
		{"one that ended before any event has nothing", windowed(0, 0, true), 1, false},
	} {
		got := build(t, c.source).Append(nil, &event.Event{Type: "refund.processed"}, c.seq)
		if (len(got) == 1) != c.want {
			t.Errorf("%s: sequence %d matched %v", c.rule, c.seq, got)
		}
	}
}

func TestAScheduledEventMatchesItsOwnDaysAndTimeOnly(t *testing.T) {
	scheduled := func(id string, days int, at string) Source {
		return source(id, subscription.Spec{
			Events: []string{subscription.DeliveryDatePlus}, Schedule: &subscription.Schedule{Days: days, Time: at},
		})
	}
	x := build(t, scheduled("a", 3, "09:00"), scheduled("b", 3, "09:00:00"), scheduled("c", 3, "09:00:01"),
		scheduled("d", 5, "09:00"), source("e", subscription.Spec{Events: []string{subscription.DeliveryDatePlus}}))
	e := &event.Event{Type: subscription.DeliveryDatePlus, Data: event.Values{
		"Schedule.Days": event.Int(3), "Schedule.Time": event.Str("09:00:00"),
	}}
	if diff := cmp.Diff([]string{"a", "b"}, ids(x.Append(nil, e, 1))); diff != "" {
		t.Error(diff)
	}
	e.Data = nil
	if got := x.Append(nil, e, 1); len(got) > 0 {
		t.Errorf("an event without a schedule matched %v", got)
	}
}

func TestSignalsMatchNobody(t *testing.T) {
	x := build(t, source("s", subscription.Spec{Events: []string{"usage.seen", "sim.dormant"}}))
	if got := x.Append(nil, &event.Event{Type: "usage.seen"}, 1); len(got) > 0 {
		t.Errorf("a signal matched %v", got)
	}
	if got := x.Append(nil, &event.Event{Type: "sim.dormant"}, 1); len(got) != 1 {
		t.Errorf("an event matched %v", got)
	}
}

func TestOrderedSubscriptionsGetNoDelivery(t *testing.T) {
	x := build(t, source("s", subscription.Spec{Events: []string{"sim.dormant"}, Order: "ordered"}))
	if got := x.Append(nil, &event.Event{Type: "sim.dormant"}, 1); len(got) > 0 {
		t.Errorf("an ordered subscription matched %v", got)
	}
}

func TestEventsOfInterestCanBeSaidByFilter(t *testing.T) {
	filtered := func(id, eventType string, f filter.Spec) Source {
		return source(id, subscription.Spec{Events: []string{eventType}, Filter: f})
	}
	atLeast90 := []filter.Alternative{{Op: filter.Numeric, Bounds: []filter.Bound{{Op: ">=", Value: event.Num("90")}}}}
	x := build(t,
		filtered("suspended", "service.state_transition", filter.Spec{
			"AccountService.PreviousStatus": texts("Active"), "AccountService.CurrentStatus": texts("Suspended"),
		}),
		filtered("tier2", "contract.under_commit", filter.Spec{"AccountContract.CommitTier": texts("2")}),
		filtered("nearly", "usage.threshold_exceeded", filter.Spec{"AccountServiceUsageBucket.Threshold": atLeast90}),
	)
	for _, c := range []struct {
		rule, eventType string
		data            event.Values
		want            []string
	}{
		{"Active to Suspended", "service.state_transition", event.Values{
			"AccountService.PreviousStatus": event.Str("Active"), "AccountService.CurrentStatus": event.Str("Suspended")}, []string{"suspended"}},
		{"Active to Cancelled", "service.state_transition", event.Values{
			"AccountService.PreviousStatus": event.Str("Active"), "AccountService.CurrentStatus": event.Str("Cancelled")}, nil},
		{"New to Suspended", "service.state_transition", event.Values{
			"AccountService.PreviousStatus": event.Str("New"), "AccountService.CurrentStatus": event.Str("Suspended")}, nil},
		{"tier 2", "contract.under_commit", event.Values{"AccountContract.CommitTier": event.Str("2")}, []string{"tier2"}},
		{"tier 1", "contract.under_commit", event.Values{"AccountContract.CommitTier": event.Str("1")}, nil},
		{"90 percent", "usage.threshold_exceeded", event.Values{"AccountServiceUsageBucket.Threshold": event.Num("90")}, []string{"nearly"}},
		{"89 percent", "usage.threshold_exceeded", event.Values{"AccountServiceUsageBucket.Threshold": event.Num("89.9")}, nil},
	} {
		got := ids(x.Append(nil, &event.Event{Type: c.eventType, Data: c.data}, 1))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.rule, diff)
		}
	}
}

func TestABrokenFilterLeavesTheOthersAlone(t *testing.T) {
	broken := source("broken", subscription.Spec{Events: []string{"sim.dormant"}, Filter: filter.Spec{"Account.Id": nil}})
	x, failed := builder.Build(nil, []Source{broken, source("good", subscription.Spec{Events: []string{"sim.dormant"}})})
	if len(failed) != 1 {
		t.Errorf("failures: %v", failed)
	}
	if diff := cmp.Diff([]string{"good"}, ids(x.Append(nil, &event.Event{Type: "sim.dormant"}, 1))); diff != "" {
		t.Error(diff)
	}
}

func TestARebuiltIndexKeepsCompiledFilters(t *testing.T) {
	s := source("s", subscription.Spec{Events: []string{"sim.dormant"}, Filter: filter.Spec{"Account.Id": texts("a")}})
	x := build(t, s)
	y, _ := builder.Build(x, []Source{s})
	if key := (versionKey{"s", 1}); x.wishes[key] != y.wishes[key] {
		t.Error("the filter of an unchanged version was compiled again")
	}
}

func TestIndexAgreesWithAskingEveryVersion(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		sources := rapid.SliceOfN(rapid.Custom(drawSource), 0, 40).Draw(r, "sources")
		for i := range sources {
			sources[i].Subscription = fmt.Sprintf("s%02d", i)
		}
		x, failed := builder.Build(nil, sources)
		if len(failed) > 0 {
			r.Fatal(failed)
		}
		for range 5 {
			e, seq := drawEvent(r), rapid.Uint64Range(1, 30).Draw(r, "seq")
			if diff := cmp.Diff(naive(sources, e, seq), x.Append(nil, e, seq)); diff != "" {
				r.Fatal(diff)
			}
		}
	})
}

// naive asks every version everything.
func naive(sources []Source, e *event.Event, seq uint64) []Match {
	var out []Match
	for _, s := range sources {
		spec := s.Version.Spec
		f, err := filter.Compile(spec.Filter)
		if err != nil || e.Type == "usage.seen" || spec.Order != subscription.Unordered || !s.Version.Covers(seq) {
			continue
		}
		wanted := false
		for _, t := range spec.Events {
			wanted = wanted || t == e.Type
		}
		if wanted && due(spec, e) && f.Match(e.Data) {
			out = append(out, Match{s.Subscription, s.Version.Revision, spec.Channel})
		}
	}
	return out
}

// due is whether a scheduled event is of the schedule that is drawn, at 09:00.
func due(spec *subscription.Spec, e *event.Event) bool {
	at := e.Data.Text("Schedule.Time")
	return e.Type != subscription.DeliveryDatePlus ||
		e.Data.Text("Schedule.Days") == fmt.Sprint(spec.Schedule.Days) && (at == "09:00" || at == "09:00:00")
}

func drawSource(r *rapid.T) Source {
	types := rapid.SampledFrom([]string{"a.b", "c.d", "usage.seen", subscription.DeliveryDatePlus})
	v := &subscription.Version{Revision: rapid.IntRange(1, 3).Draw(r, "revision"), Spec: &subscription.Spec{
		Events:   rapid.SliceOfN(types, 1, 4).Draw(r, "events"),
		Filter:   drawFilter(r),
		Channel:  rapid.SampledFrom([]delivery.Channel{delivery.Webhook, delivery.Email}).Draw(r, "channel"),
		Order:    rapid.SampledFrom([]subscription.Order{subscription.Unordered, subscription.Unordered, subscription.Ordered}).Draw(r, "order"),
		Schedule: &subscription.Schedule{Days: rapid.IntRange(0, 2).Draw(r, "days"), Time: "09:00"},
	}}
	v.FromSeq = rapid.Uint64Range(0, 20).Draw(r, "from")
	if rapid.Bool().Draw(r, "ended") {
		v.UntilSeq, v.EndedAt = v.FromSeq+rapid.Uint64Range(0, 10).Draw(r, "length"), time.Unix(1, 0)
	}
	return Source{Version: v}
}

func drawFilter(r *rapid.T) filter.Spec {
	out := filter.Spec{}
	for _, token := range []string{"T.A", "T.B"} {
		switch rapid.IntRange(0, 4).Draw(r, token) {
		case 0:
			out[token] = texts(rapid.SliceOfN(drawText, 1, 3).Draw(r, "texts")...)
		case 1:
			out[token] = append(texts("1"), filter.Alternative{Op: filter.Exact, Values: []event.Value{event.Num("1")}})
		case 2:
			out[token] = []filter.Alternative{{Op: filter.AnythingBut, Values: []event.Value{event.Str("x")}}}
		}
	}
	return out
}

var drawText = rapid.SampledFrom([]string{"x", "y", "1"})

func drawEvent(r *rapid.T) *event.Event {
	e := &event.Event{Data: event.Values{}}
	e.Type = rapid.SampledFrom([]string{"a.b", "c.d", "usage.seen", "e.f", subscription.DeliveryDatePlus}).Draw(r, "type")
	for _, token := range []string{"T.A", "T.B"} {
		switch rapid.IntRange(0, 3).Draw(r, token) {
		case 0:
			e.Data[token] = event.Str(drawText.Draw(r, "text"))
		case 1:
			e.Data[token] = event.Num("1.0")
		}
	}
	e.Data["Schedule.Days"], e.Data["Schedule.Time"] = event.Int(rapid.Int64Range(0, 2).Draw(r, "days")), event.Str("09:00:00")
	return e
}

func ids(matches []Match) []string {
	var out []string
	for _, m := range matches {
		out = append(out, m.Subscription)
	}
	return out
}

// BenchmarkMatch has 10,000 subscriptions of one owner over the types of a
// catalogue; a third each without a filter, with a filter on exact texts and
// with one on ranges.
func BenchmarkMatch(b *testing.B) {
	const types, subscriptions = 60, 10_000
	var sources []Source
	for i := range subscriptions {
		spec := subscription.Spec{Events: []string{"type." + strconv.Itoa(i%types)}, Order: subscription.Unordered}
		switch i / types % 3 {
		case 1:
			spec.Filter = filter.Spec{"Account.Id": texts("account-" + strconv.Itoa(i))}
		case 2:
			spec.Filter = filter.Spec{"Invoice.Total": {{Op: filter.Numeric, Bounds: []filter.Bound{{Op: ">", Value: event.Num("1000")}}}}}
		}
		sources = append(sources, source(fmt.Sprintf("s%05d", i), spec))
	}
	e := &event.Event{Type: "type.1", Data: event.Values{
		"Account.Id": event.Str("account-61"), "Invoice.Total": event.Str("12.50"), "Invoice.Currency": event.Str("EUR"),
	}}
	b.Run("indexed", func(b *testing.B) {
		x := build(b, sources...)
		var dst []Match
		b.ReportAllocs()
		for b.Loop() {
			dst = x.Append(dst[:0], e, 7)
		}
		b.ReportMetric(float64(len(dst)), "matches")
	})
	b.Run("one by one", func(b *testing.B) {
		filters := make([]*filter.Filter, len(sources))
		for i, s := range sources {
			filters[i], _ = filter.Compile(s.Version.Spec.Filter)
		}
		for b.Loop() {
			for i, s := range sources {
				_ = s.Version.Covers(7) && s.Version.Spec.Events[0] == e.Type && filters[i].Match(e.Data)
			}
		}
	})
}
