package queue_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/queue"
)

// valid returns a queue that breaks no rule.
func valid() *queue.Spec {
	return &queue.Spec{ID: "erp", Name: "ERP", Events: []string{"invoice.posted"}}
}

func TestAQueueIsStoredWithItsDefaults(t *testing.T) {
	s := valid()
	if p := s.Check(); len(p) > 0 {
		t.Fatal(p)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"erp","name":"ERP","events":["invoice.posted"],"order":"unordered","start":"now","visibility":"30s","active":true}`
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Error(d)
	}
	if !s.Enabled() || s.VisibleAfter() != queue.DefaultVisibility {
		t.Errorf("enabled %v, visible after %s", s.Enabled(), s.VisibleAfter())
	}
}

func TestAQueueIsRefusedByRuleAndPlace(t *testing.T) {
	for name, c := range map[string]struct {
		spoil         func(*queue.Spec)
		pointer, rule string
	}{
		"no id":          {func(s *queue.Spec) { s.ID = "a.b" }, "/id", "id.form"},
		"no name":        {func(s *queue.Spec) { s.Name = "" }, "/name", "text.required"},
		"no events":      {func(s *queue.Spec) { s.Events = nil }, "/events", "list.length"},
		"101 events":     {func(s *queue.Spec) { s.Events = make([]string, 101) }, "/events", "list.length"},
		"an event twice": {func(s *queue.Spec) { s.Events = []string{"a", "b", "a"} }, "/events/2", "event.duplicate"},
		"a schedule's": {func(s *queue.Spec) { s.Events = append(s.Events, "invoice.delivery_date_plus") },
			"/events/1", "event.schedule"},
		"by account":     {func(s *queue.Spec) { s.Order = "ordered_by_account" }, "/order", "order.unknown"},
		"a start":        {func(s *queue.Spec) { s.Start = "tomorrow" }, "/start", "start.form"},
		"no duration":    {func(s *queue.Spec) { s.Visibility = "30" }, "/visibility", "duration.form"},
		"too short":      {func(s *queue.Spec) { s.Visibility = "999ms" }, "/visibility", "duration.range"},
		"too long":       {func(s *queue.Spec) { s.Visibility = "12h1ns" }, "/visibility", "duration.range"},
		"less than none": {func(s *queue.Spec) { s.Visibility = "-30s" }, "/visibility", "duration.range"},
	} {
		s := valid()
		c.spoil(s)
		if p := s.Check(); len(p) != 1 || p[0].Pointer != c.pointer || p[0].Rule != c.rule {
			t.Errorf("%s: %v, want %s at %s", name, p, c.rule, c.pointer)
		}
	}
}

func TestDurationsThatAreTheSameAreStoredTheSame(t *testing.T) {
	for text, want := range map[string]string{
		"60s": "1m", "720m": "12h", "12h0m0s": "12h", "90m": "1h30m", "1h0m10s": "1h0m10s", "1500ms": "1.5s", "10s": "10s", "20m": "20m", "10h": "10h",
	} {
		s := valid()
		s.Visibility = text
		if p := s.Check(); len(p) > 0 || s.Visibility != want {
			t.Errorf("%s is stored as %s, want %s: %v", text, s.Visibility, want, p)
		}
	}
}

// TestTheStoredFormStaysAsItIs holds for every visibility: what was read can be
// written again and changes nothing.
func TestTheStoredFormStaysAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(int64(queue.MinVisibility), int64(queue.MaxVisibility)).Draw(t, "visibility"))
		s := valid()
		s.Visibility = d.Truncate(rapid.SampledFrom([]time.Duration{1, time.Second, time.Minute, time.Hour}).Draw(t, "unit")).String()
		if s.VisibleAfter() < queue.MinVisibility {
			return
		}
		if p := s.Check(); len(p) > 0 {
			t.Fatal(p)
		}
		again := *s
		if p := again.Check(); len(p) > 0 || again.Visibility != s.Visibility || again.VisibleAfter() != s.VisibleAfter() {
			t.Fatalf("%s became %s: %v", s.Visibility, again.Visibility, p)
		}
	})
}
