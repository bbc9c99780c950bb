package breaker_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/shared/backoff"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func longest(n int64) int64 { return n - 1 }

func policy() breaker.Policy {
	return breaker.Policy{
		Failures: 5, Waits: backoff.Schedule{time.Second, 10 * time.Second, time.Minute}, Exhausted: 3,
		MaxRetryAfter: time.Hour, Rand: longest,
	}
}

func TestAnswersOpenDisableAndBringBack(t *testing.T) {
	const after, url = 90 * time.Second, "https://example.com"
	open := breaker.State{Phase: breaker.Open, Trips: 1, Since: noon.Add(-time.Minute), Probe: noon, From: 7}
	recovering := breaker.State{Phase: breaker.Recovering, Trips: 1, Level: 4, From: 7}
	for name, c := range map[string]struct {
		state  breaker.State
		answer breaker.Answer
		phase  breaker.Phase
		reason string
		wait   time.Duration // until the probe
	}{
		"a failure alone does nothing":                 {breaker.State{}, breaker.Answer{Reason: "timeout", Row: 4}, breaker.Closed, "", 0},
		"enough in a row open":                         {breaker.State{}, breaker.Answer{Reason: "timeout", Row: 5}, breaker.Open, "timeout", time.Second},
		"429 opens at once":                            {breaker.State{}, breaker.Answer{Reason: "status_429", Status: 429, Row: 1}, breaker.Open, "status_429", time.Second},
		"429 says for how long":                        {breaker.State{}, breaker.Answer{Reason: "status_429", Status: 429, RetryAfter: after, Row: 1}, breaker.Open, "status_429", after},
		"so do 502, 503 and 504":                       {breaker.State{}, breaker.Answer{Reason: "status_502", Status: 502, RetryAfter: after, Row: 1}, breaker.Open, "status_502", after},
		"a 503 alone does nothing":                     {breaker.State{}, breaker.Answer{Reason: "status_503", Status: 503, Row: 1}, breaker.Closed, "", 0},
		"a second 504 in a row opens":                  {breaker.State{}, breaker.Answer{Reason: "status_504", Status: 504, Row: 2}, breaker.Open, "status_504", time.Second},
		"Retry-After is bounded":                       {breaker.State{}, breaker.Answer{Reason: "status_503", Status: 503, RetryAfter: 24 * time.Hour, Row: 1}, breaker.Open, "status_503", time.Hour},
		"Retry-After with 500 counts for nothing":      {breaker.State{}, breaker.Answer{Reason: "status_500", Status: 500, RetryAfter: after, Row: 1}, breaker.Closed, "", 0},
		"410 disables":                                 {breaker.State{}, breaker.Answer{Reason: "status_410", Status: 410, Row: 1, URL: url}, breaker.Disabled, breaker.Gone, 0},
		"410 disables an open one":                     {open, breaker.Answer{Reason: "status_410", Status: 410, Row: 1, URL: url}, breaker.Disabled, breaker.Gone, 0},
		"exhausted deliveries in a row disable":        {breaker.State{Exhausted: 2}, breaker.Answer{Reason: "dns", Exhausted: true, Row: 1, URL: url}, breaker.Disabled, breaker.Exhausted, 0},
		"one exhausted delivery does not":              {breaker.State{}, breaker.Answer{Reason: "dns", Exhausted: true, Row: 1}, breaker.Closed, "", 0},
		"a failed probe waits longer":                  {open, breaker.Answer{Reason: "timeout", Probe: true, Row: 1}, breaker.Open, "timeout", 10 * time.Second},
		"a probe that succeeds begins again":           {open, breaker.Answer{Probe: true}, breaker.Recovering, "", 0},
		"a straggler's success is no probe":            {open, breaker.Answer{}, breaker.Open, "", 0},
		"a straggler's failure does not trip again":    {open, breaker.Answer{Reason: "timeout", Row: 9}, breaker.Open, "", 0},
		"a straggler's Retry-After counts":             {open, breaker.Answer{Reason: "status_503", Status: 503, RetryAfter: after, Row: 9}, breaker.Open, "", after},
		"one that recovers bears a failure":            {recovering, breaker.Answer{Reason: "timeout", Probe: true, Row: 1}, breaker.Recovering, "", 0},
		"but not many":                                 {recovering, breaker.Answer{Reason: "timeout", Probe: true, Row: 5}, breaker.Open, "timeout", 10 * time.Second},
		"a disabled one stays so, whatever succeeds":   {breaker.State{Phase: breaker.Disabled, Reason: breaker.Gone}, breaker.Answer{Probe: true}, breaker.Disabled, breaker.Gone, 0},
		"a disabled one stays so, whatever else fails": {breaker.State{Phase: breaker.Disabled, Reason: breaker.ByOwner}, breaker.Answer{Reason: "x", Status: 410, Row: 9}, breaker.Disabled, breaker.ByOwner, 0},
	} {
		p := policy()
		s := p.After(c.state, c.answer, noon)
		if s.Phase != c.phase || s.Reason != c.reason || s.From != c.state.From {
			t.Errorf("%s: %+v", name, s)
		}
		if wait := s.Probe.Sub(noon); c.phase == breaker.Open && wait != c.wait {
			t.Errorf("%s: probe after %s, want %s", name, wait, c.wait)
		}
		if s.Phase == breaker.Disabled && c.state.Phase != breaker.Disabled && s.URL != url {
			t.Errorf("%s: disabled at %q", name, s.URL)
		}
	}
}

func TestASuccessEndsTheCountOfExhaustedDeliveries(t *testing.T) {
	p := policy()
	s := p.After(breaker.State{Exhausted: 2}, breaker.Answer{}, noon)
	if value, err := s.Encode(); value != nil || err != nil {
		t.Errorf("%+v is stored as %s, %v", s, value, err)
	}
}

func TestWaitsGrowAreDrawnAndHaveABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policy()
		draws := rapid.Int64Min(0)
		p.Rand = func(n int64) int64 { return draws.Draw(t, "draw") % n }
		s := breaker.State{}
		for trip := range rapid.IntRange(1, 10).Draw(t, "trips") {
			s = p.After(s, breaker.Answer{Reason: "timeout", Probe: true, Row: p.Failures}, noon)
			most := p.Waits[min(trip, len(p.Waits)-1)]
			if wait := s.Probe.Sub(noon); s.Trips != trip+1 || wait <= 0 || wait > most {
				t.Fatalf("trip %d waits %s, at most %s: %+v", trip+1, wait, most, s)
			}
		}
	})
}

func TestWhatIsStoredIsReadAgain(t *testing.T) {
	s := breaker.State{
		Phase: breaker.Closing, Reason: "timeout", Since: noon, Trips: 2, Exhausted: 1, Level: 3, From: 9, Until: 12, Subscriptions: []string{"a"},
	}
	value, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := breaker.Parse(value)
	if err != nil || got.Until != 12 || got.From != 9 || !got.Since.Equal(noon) || len(got.Subscriptions) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := breaker.Parse([]byte("{")); err == nil {
		t.Error("half a state is read")
	}
}

func TestOnlyOneTakesTheProbeAndOnlyInTime(t *testing.T) {
	s := breaker.State{Phase: breaker.Open, Probe: noon}
	if _, ok := s.Claim(noon.Add(-1), noon.Add(time.Minute)); ok {
		t.Error("taken before its time")
	}
	s, ok := s.Claim(noon, noon.Add(time.Minute))
	if !ok {
		t.Error("not taken in time")
	}
	if _, again := s.Claim(noon.Add(time.Second), noon.Add(time.Hour)); again {
		t.Error("taken twice")
	}
	if _, again := s.Claim(noon.Add(time.Minute), noon.Add(time.Hour)); !again {
		t.Error("never taken again after its holder was lost")
	}
}

func TestAnEnabledEndpointIsTriedAtOnceAndKeepsItsBacklog(t *testing.T) {
	for _, phase := range []breaker.Phase{breaker.Disabled, breaker.Open} {
		s := breaker.State{Phase: phase, Trips: 4, Probe: noon.Add(time.Hour), From: 5, Subscriptions: []string{"a"}, URL: "x", Exhausted: 9}.Enabled(noon)
		if s.Phase != breaker.Open || !s.Probe.Equal(noon) || s.From != 5 || len(s.Subscriptions) != 1 || s.Trips != 0 || s.Exhausted != 0 {
			t.Errorf("%+v", s)
		}
	}
	closed := breaker.State{}.Enabled(noon)
	if closed.Phase != breaker.Closed {
		t.Errorf("%+v", closed)
	}
}

func TestAProbeThatWasNotMadeIsForTheNextAtOnce(t *testing.T) {
	until := noon.Add(time.Minute)
	s, _ := breaker.State{Phase: breaker.Open, Probe: noon}.Claim(noon, until)
	if other := s.Return(noon.Add(time.Hour), noon); !other.Probe.Equal(until) {
		t.Error("somebody gave back what another has")
	}
	if s = s.Return(until, noon.Add(time.Second)); !s.Probe.Equal(noon.Add(time.Second)) {
		t.Errorf("%+v", s)
	}
	s.Phase = breaker.Disabled
	if s.Return(s.Probe, noon.Add(time.Hour)).Probe.After(until) {
		t.Error("a disabled endpoint has a probe")
	}
}

func TestSubscriptionsTooManyToNameAreAllOfTheOwner(t *testing.T) {
	s := breaker.State{Phase: breaker.Open, From: 7}
	for i := range breaker.MaxSubscriptions {
		s = s.Hold(fmt.Sprint("s", i), 8)
	}
	if again := s.Hold("s5", 9); len(again.Subscriptions) != breaker.MaxSubscriptions || s.Holds("another", 9) {
		t.Errorf("as many as may be named: %+v", s)
	}
	s = s.Hold("another", 6)
	if len(s.Subscriptions) != 1 || !s.Holds("another", 6) || !s.Holds("s5", 8) || s.Holds("s5", 5) {
		t.Errorf("one more: %+v", s)
	}
	if again := s.Hold("and one more", 6); len(again.Subscriptions) != 1 {
		t.Errorf("and one more: %+v", again)
	}
}
