// Package queue is the event queue: which events of an owner somebody reads over
// HTTP at his own pace, and from which event on. What a queue holds is a reading
// of EVENTS, so nothing is copied for it. It refuses to read; see the service.
package queue

import (
	"time"

	"github.com/billhook/billhook/shared/filter"
)

// Order says in which order a queue hands out its events.
type Order string

// The orders.
//
//	unordered  as they come, to as many readers as ask
//	ordered    one line in the order of the events: what comes next is handed
//	           out once what came before is acknowledged
const (
	Unordered Order = "unordered"
	Ordered   Order = "ordered"
)

// Orders lists every [Order].
func Orders() []Order { return []Order{Unordered, Ordered} }

// The limits of [Spec.Visibility].
const (
	DefaultVisibility = 30 * time.Second
	MinVisibility     = time.Second
	MaxVisibility     = 12 * time.Hour
)

// Spec is what an owner writes and reads of a queue.
type Spec struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Events are the types wanted.
	Events []string `json:"events"`
	// Filter narrows the events down by token values; empty takes all.
	Filter filter.Spec `json:"filter,omitempty"`
	// Order is [Unordered] when not given. It is settled when the queue is made.
	Order Order `json:"order,omitempty"`
	// Start is from where in the past a new queue begins, one of package start's
	// words or a moment. It is read when the queue is made, and not afterwards.
	Start string `json:"start,omitempty"`
	// Visibility is for how long what was handed out is its reader's, before it is
	// handed out again: a duration such as "30s", which is meant when it is not
	// given.
	Visibility string `json:"visibility,omitempty"`
	// Active is true when not given. An inactive queue hands out nothing and loses
	// nothing.
	Active *bool `json:"active,omitempty"`
}

// Enabled reports whether the queue hands out events.
func (s *Spec) Enabled() bool { return s.Active == nil || *s.Active }

// VisibleAfter returns Visibility as a duration, [DefaultVisibility] where it is
// none.
func (s *Spec) VisibleAfter() time.Duration {
	d, err := time.ParseDuration(s.Visibility)
	if err != nil {
		return DefaultVisibility
	}
	return d
}

// Queue is a stored queue.
type Queue struct {
	Spec
	// Incarnation tells a queue from one that had its id before: what is kept of
	// reading it is kept by both. It may be a token of a subject or a key.
	Incarnation string `json:"incarnation"`
	// Revision counts the specs that the queue had, from 1.
	Revision int `json:"revision"`
	// FromSeq is the sequence of EVENTS behind which the queue begins. A spec
	// that replaces another counts for what has not been handed out yet.
	FromSeq uint64 `json:"from_seq"`
	// CreatedAt is when the queue was made.
	CreatedAt time.Time `json:"created_at"`
}
