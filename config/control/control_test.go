package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
)

// TestEveryControlIsAppliedOnceAndInOrderWhateverIsForgotten has a holder that
// looks at the control now and then, applies what is new to it in the order of
// numbers, and tells late how far it is.
func TestEveryControlIsAppliedOnceAndInOrderWhateverIsForgotten(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := &control.Control{}
		var asked, applied []string
		var done, told uint64
		look := func() {
			for _, k := range c.Skips {
				if k.Number > done {
					applied = append(applied, k.Delivery)
					done = k.Number
				}
			}
			done = max(done, c.Number)
		}
		for i := range rapid.IntRange(1, 60).Draw(r, "changes") {
			before := c.Number
			switch rapid.IntRange(0, 4).Draw(r, "change") {
			case 0:
				c.Pause()
			case 1:
				c.Resume()
			case 2:
				look()
			case 3:
				told = rapid.Uint64Range(told, done).Draw(r, "told")
				c.Forget(told)
			default:
				id := fmt.Sprint("dlv_", i)
				if err := c.Skip(control.Skip{Delivery: id}, subscription.Ordered); err != nil {
					r.Fatal(err)
				}
				asked = append(asked, id)
			}
			if c.Number < before {
				r.Fatalf("the number went from %d to %d", before, c.Number)
			}
		}
		look()
		if fmt.Sprint(asked) != fmt.Sprint(applied) {
			r.Fatalf("asked for %v, applied %v", asked, applied)
		}
	})
}

func TestASkipNamesALineThatTheSubscriptionHas(t *testing.T) {
	for _, row := range []struct {
		rule, name string
		order      subscription.Order
		skip       control.Skip
	}{
		{"", "the only line", subscription.Ordered, control.Skip{}},
		{"", "a delivery of the only line", subscription.Ordered, control.Skip{Delivery: "dlv_1"}},
		{"", "the line of an account", subscription.OrderedByAccount, control.Skip{Account: "A-1"}},
		{"", "a delivery of some account", subscription.OrderedByAccount, control.Skip{Delivery: "dlv_1"}},
		{"/account skip.account", "an account where there is one line", subscription.Ordered, control.Skip{Account: "A-1"}},
		{"/account skip.account", "no account where each has a line", subscription.OrderedByAccount, control.Skip{}},
		{"/delivery skip.both", "both", subscription.OrderedByAccount, control.Skip{Account: "A-1", Delivery: "dlv_1"}},
		{"/delivery id.form", "no delivery id", subscription.Ordered, control.Skip{Delivery: "a b"}},
		{"/account id.form", "no account id", subscription.OrderedByAccount, control.Skip{Account: "*"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var c control.Control
			err := c.Skip(row.skip, row.order)
			if got := rules(err); got != row.rule {
				t.Errorf("broken rules %q, want %q", got, row.rule)
			}
			if refused := err != nil; refused == (c.Number == 1) {
				t.Errorf("number is %d after %v", c.Number, err)
			}
		})
	}
}

func rules(err error) string {
	var out []string
	for _, p := range fault.ProblemsOf(err) {
		out = append(out, p.Pointer+" "+p.Rule)
	}
	return strings.Join(out, ", ")
}

func TestSkipsThatWaitAreBounded(t *testing.T) {
	var c control.Control
	for range control.MaxSkips {
		if err := c.Skip(control.Skip{}, subscription.Ordered); err != nil {
			t.Fatal(err)
		}
	}
	if got := rules(c.Skip(control.Skip{}, subscription.Ordered)); got != " skip.many" {
		t.Errorf("one more: %q", got)
	}
	if c.Forget(1); c.Skip(control.Skip{}, subscription.Ordered) != nil {
		t.Error("refused though one was applied")
	}
}

func TestPausingTwiceIsOneChangeAndResumingAlwaysOne(t *testing.T) {
	var c control.Control
	c.Pause()
	c.Pause()
	if c.Number != 1 || !c.Paused {
		t.Errorf("after two pauses: %+v", c)
	}
	c.Resume()
	c.Resume() // it may have stopped by itself in between
	if c.Number != 3 || c.Paused {
		t.Errorf("after two resumes: %+v", c)
	}
}

func TestAReplayEndsAtTheNewestEvent(t *testing.T) {
	var c control.Control
	if got := rules(c.Rewind(8, 7)); got != "/from replay.future" || c.Number != 0 {
		t.Errorf("behind the end: %q, %+v", got, c)
	}
	if err := c.Rewind(7, 7); err != nil || c.Replay != (control.Replay{Number: 1, From: 7}) {
		t.Errorf("of the newest event: %v, %+v", err, c)
	}
}

func TestAReplayBeginsAtASequenceAMomentOrTheBeginning(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]control.From{
		"1": {Seq: 1}, "42": {Seq: 42}, "beginning": {Seq: 1},
		"2026-11-01T12:00:00Z": {At: noon}, "2026-11-01T13:00:00.5+01:00": {At: noon.Add(time.Second / 2)},
	} {
		if got, err := control.ParseFrom(text); err != nil || got != want {
			t.Errorf("%q is %+v (%v)", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "+1", "1e3", "now", "yesterday", "2026-11-01", "0001-01-01T00:00:00Z", "18446744073709551616"} {
		if _, err := control.ParseFrom(text); rules(err) != "/from replay.from" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseFrom(f *testing.F) {
	for _, s := range []string{"1", "beginning", "2026-11-01T12:00:00Z", "2026-11-01T12:00:00.123+14:00", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		from, err := control.ParseFrom(text)
		if (err == nil) != (from.Seq > 0 != !from.At.IsZero()) {
			t.Fatalf("%q: %+v, %v", text, from, err)
		}
		if err == nil && !from.At.IsZero() {
			again, err := control.ParseFrom(from.At.Format(time.RFC3339Nano))
			if err != nil || !again.At.Equal(from.At) {
				t.Fatalf("%q: written again it is %v (%v)", text, again, err)
			}
		}
	})
}
