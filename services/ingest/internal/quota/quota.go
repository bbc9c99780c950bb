// Package quota counts what owners publish against what they may. It refuses
// to look at the clock: every question says when it is asked, so that a backlog
// that is worked off fast is judged by when its events were published.
package quota

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/billhook/billhook/config/owner"
)

// The quotas that may be used up, as they appear in problems.
const (
	EventsPerSecond = "events_per_second"
	EventsPerDay    = "events_per_day"
	BytesPerDay     = "bytes_per_day"
)

// burst is for how long an owner may be ahead of its rate: after silence,
// events of one second may come at once.
const burst = time.Second

// Cost is what is to be counted.
type Cost struct {
	Events int
	Bytes  int
}

// Verdict is the answer to one question. The zero Verdict lets pass.
type Verdict struct {
	// Exceeded is the quota that is used up, "" when none is.
	Exceeded string
	// After is when asking again makes sense.
	After time.Duration
}

// Limits knows how much of their quotas owners have used. It is safe for use
// by several goroutines.
type Limits struct {
	mu     sync.Mutex
	owners map[string]*usage
}

// usage is what one owner has used. Day counts are kept over restarts by
// whoever stores [Limits.Used].
type usage struct {
	Day    string `json:"day"`
	Events int64  `json:"events"`
	Bytes  int64  `json:"bytes"`
	// due is when the owner would be exactly at its rate.
	due time.Time
}

// New returns limits of which nothing is used.
func New() *Limits { return &Limits{owners: map[string]*usage{}} }

// Take counts a cost at a moment, or counts nothing and says which quota is
// used up. Several events are taken together when the first of them may pass;
// the owner then waits the longer, so a batch greater than the rate is never
// impossible. Counts per day are exact: the whole cost must fit.
func (l *Limits) Take(o owner.Owner, at time.Time, c Cost) Verdict {
	if o.Quotas == (owner.Quotas{}) {
		return Verdict{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(o.ID, at)
	if v := u.day(o.Quotas, at, c); v.Exceeded != "" {
		return v
	}
	if v := u.rate(o.Quotas.EventsPerSecond, at, c.Events); v.Exceeded != "" {
		return v
	}
	u.Events += int64(c.Events)
	u.Bytes += int64(c.Bytes)
	return Verdict{}
}

// of returns the usage of an owner, its day counts begun anew on a new day.
func (l *Limits) of(id string, at time.Time) *usage {
	u := l.owners[id]
	if u == nil {
		u = &usage{}
		l.owners[id] = u
	}
	if day := at.UTC().Format(time.DateOnly); day != u.Day {
		u.Day, u.Events, u.Bytes = day, 0, 0
	}
	return u
}

func (u *usage) day(q owner.Quotas, at time.Time, c Cost) Verdict {
	tomorrow := at.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(at)
	switch {
	case q.EventsPerDay > 0 && u.Events+int64(c.Events) > q.EventsPerDay:
		return Verdict{Exceeded: EventsPerDay, After: tomorrow}
	case q.BytesPerDay > 0 && u.Bytes+int64(c.Bytes) > q.BytesPerDay:
		return Verdict{Exceeded: BytesPerDay, After: tomorrow}
	}
	return Verdict{}
}

func (u *usage) rate(perSecond int, at time.Time, n int) Verdict {
	if perSecond <= 0 {
		return Verdict{}
	}
	each := time.Second / time.Duration(perSecond)
	due := u.due
	if due.Before(at) {
		due = at
	}
	if wait := due.Add(each).Sub(at) - burst; wait > 0 {
		return Verdict{Exceeded: EventsPerSecond, After: wait}
	}
	u.due = due.Add(time.Duration(n) * each)
	return Verdict{}
}

// Used returns the counts of the day in a form that [Limits.Restore] reads.
func (l *Limits) Used() (json.RawMessage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := json.Marshal(l.owners)
	if err != nil {
		return nil, fmt.Errorf("encode used quotas: %w", err)
	}
	return b, nil
}

// Restore takes over counts that were stored. Nothing stored is no counts.
func (l *Limits) Restore(b json.RawMessage) error {
	owners := map[string]*usage{}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &owners); err != nil {
			return fmt.Errorf("decode used quotas: %w", err)
		}
	}
	for id, u := range owners {
		if u == nil {
			delete(owners, id)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owners = owners
	return nil
}
