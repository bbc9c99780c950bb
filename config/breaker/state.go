// Package breaker says whether an endpoint is given requests: what is stored
// about one that fails, throttles or is disabled, and how answers change that.
// It is pure: time and randomness are passed in. It refuses to store, and to
// make requests.
//
//	         failures in a row,                a probe succeeds
//	         429, Retry-After            ┌──────────────────────────▶ recovering
//	closed ──────────────────────▶ open ─┤                             │   │
//	  ▲ ▲                           ▲ ▲  └── a probe fails: open,      │   │ failures in a row
//	  │ │                           │ │      with a longer wait        │   └──────▶ open
//	  │ └── nothing waits ─── closing ◀── the backlog is short ────────┘
//	  │                             │
//	  └──── no key                  │ enabled, or its URL changed
//	                             disabled ◀── 410, deliveries exhausted in a row, its owner (from anywhere)
package breaker

import (
	"encoding/json"
	"slices"
	"time"
)

// Phase is where an endpoint stands. The zero Phase is closed: requests are
// made as deliveries come.
type Phase string

// The phases.
const (
	Closed Phase = ""
	// Open: nothing is sent but a probe, from State.Probe on.
	Open Phase = "open"
	// Recovering: the backlog is delivered, few at a time at first, and what
	// comes waits behind it.
	Recovering Phase = "recovering"
	// Closing: what comes is sent at once again, beside the end of the backlog.
	Closing Phase = "closing"
	// Disabled: nothing is sent until it is enabled.
	Disabled Phase = "disabled"
)

// Reasons that are not those of an attempt.
const (
	// Gone: the receiver answered 410.
	Gone = "gone"
	// Exhausted: deliveries in a row used up their schedule.
	Exhausted = "exhausted"
	// ByOwner: the owner disabled the endpoint.
	ByOwner = "disabled_by_owner"
	// Unusable: only the operator can mend it, such as a secret that cannot be
	// opened.
	Unusable = "endpoint_unusable"
	// Slow: more came than the endpoint takes.
	Slow = "slow"
)

// State is what is stored of an endpoint. The zero State is that of most, and
// has no key.
type State struct {
	Phase Phase `json:"phase,omitempty"`
	// Reason is the class of the failure that led here, Since when it was.
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// Probe is from when on one request is made, while Open.
	Probe time.Time `json:"probe,omitzero"`
	// Trips counts how often it opened since it was closed, from 1.
	Trips int `json:"trips,omitempty"`
	// Exhausted counts the deliveries in a row whose schedule was used up.
	Exhausted int `json:"exhausted,omitempty"`
	// Level is how many requests are made at a time while Recovering.
	Level int `json:"level,omitempty"`
	// URL is that which disabled itself: with another one it is enabled.
	URL string `json:"url,omitempty"`
	// From is the sequence in DELIVERIES from which on deliveries wait, and
	// Subscriptions are those that have some there; [Every] alone where they
	// are too many to name.
	From          uint64   `json:"backlog_from,omitempty"`
	Subscriptions []string `json:"subscriptions,omitempty"`
	// Until is the last sequence that can wait, while Closing; 0 before that is
	// known.
	Until uint64 `json:"backlog_until,omitempty"`
}

// Every stands for all subscriptions of the owner: a subject's wildcard, since
// subscriptions are parts of subjects. What leads to other endpoints is left
// out by whoever reads the backlog.
const Every = "*"

// MaxSubscriptions is how many subscriptions are named: the server compares
// each delivery that is read with all of them, and every change of the state
// is written with all of them.
const MaxSubscriptions = 128

// Parse reads a stored state.
func Parse(value []byte) (State, error) {
	var s State
	err := json.Unmarshal(value, &s)
	return s, err
}

// Encode returns the stored form, nil for the default, which has no key.
func (s *State) Encode() ([]byte, error) {
	if s.Phase == Closed && s.Exhausted == 0 {
		return nil, nil
	}
	return json.Marshal(s)
}

// Absorbs reports whether a delivery that comes joins the backlog instead of
// being sent.
func (s *State) Absorbs() bool {
	return s.Phase == Open || s.Phase == Recovering || s.Phase == Disabled
}

// Holds reports whether what a subscription has from a sequence on is in the
// backlog.
func (s *State) Holds(subscription string, seq uint64) bool {
	return s.Absorbs() && s.From <= seq && s.names(subscription)
}

// Hold returns the state with a subscription's deliveries from a sequence on in
// the backlog.
func (s State) Hold(subscription string, seq uint64) State {
	s.From = min(s.From, seq)
	switch {
	case s.names(subscription):
	case len(s.Subscriptions) >= MaxSubscriptions:
		s.Subscriptions = []string{Every}
	default:
		s.Subscriptions = append(slices.Clone(s.Subscriptions), subscription)
	}
	return s
}

func (s *State) names(subscription string) bool {
	return slices.Contains(s.Subscriptions, subscription) || slices.Contains(s.Subscriptions, Every)
}

// Enabled returns a disabled state as it goes on: with a probe, at once. It does
// the same for one that waits for its probe.
func (s State) Enabled(now time.Time) State {
	if s.Phase != Disabled && s.Phase != Open {
		return s
	}
	if s.Phase == Disabled {
		s.Phase, s.Since = Open, now
	}
	s.Probe, s.Trips, s.Exhausted, s.URL = now, 0, 0, ""
	return s
}

// Disable returns the state of an endpoint that is given nothing any more.
func (s State) Disable(reason, url string, now time.Time) State {
	if s.Phase == Disabled {
		return s
	}
	s.Phase, s.Reason, s.Since, s.URL = Disabled, reason, now, url
	s.Probe, s.Trips, s.Level = time.Time{}, 0, 0
	return s
}

// Mend returns the state of an endpoint that only the operator can mend: it is
// looked at again at a moment.
func (s State) Mend(now, again time.Time) State {
	if s.Phase == Open && now.Before(s.Probe) || s.Phase == Disabled {
		return s
	}
	if s.Phase != Open {
		s.Since = now
	}
	s.Phase, s.Reason, s.Probe, s.Level = Open, Unusable, again, 0
	return s
}

// Overflow returns the state of an endpoint that is sent more than it takes:
// what comes waits in the backlog, at no cost.
func (s State) Overflow(level int, now time.Time) State {
	if s.Absorbs() {
		return s
	}
	s.Phase, s.Reason, s.Since, s.Level = Recovering, Slow, now, max(level, 1)
	return s
}

// Close returns the state in which what comes is sent at once again, while the
// end of the backlog is delivered.
func (s State) Close() State {
	if s.Phase == Recovering {
		s.Phase, s.Until = Closing, 0
	}
	return s
}

// Abandon returns the state of an endpoint that is no more: nothing joins its
// backlog, which ends as that of any other. What is there leads nowhere.
func (s State) Abandon() State {
	if s.Absorbs() {
		s.Phase, s.Probe, s.Until = Closing, time.Time{}, 0
	}
	return s
}

// Closed returns the default state once everything up to Until is delivered.
func (s State) Closed() State {
	if s.Phase == Closing && s.Until > 0 && s.From > s.Until {
		return State{Exhausted: s.Exhausted}
	}
	return s
}

// Claim takes the probe for one request, which has until then to end. It
// returns false when it is not time, or another has it.
func (s State) Claim(now, until time.Time) (State, bool) {
	if s.Phase != Open || now.Before(s.Probe) {
		return s, false
	}
	s.Probe = until
	return s, true
}

// Return gives back the probe that was claimed until a moment: no request was
// made with it, so the next may be at once.
func (s State) Return(until, now time.Time) State {
	if s.Phase == Open && s.Probe.Equal(until) {
		s.Probe = now
	}
	return s
}
