package audit

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Streams are read forwards only, so the newest are found in stretches from the
// end: each twice as wide as the one before, as long as too few match.
const (
	firstStretch  = 256
	widestStretch = 1 << 16
)

// MaxLimit is the greatest number of entries of one page.
const MaxLimit = 1000

// Query says which entries are asked for; what is empty takes all.
type Query struct {
	// Owner is whose: empty for everybody's and what belongs to no owner.
	Owner string
	// Actor is the id of an API key, a NATS user, or a [Kind].
	Actor        string
	Resource, ID string
	// Since and Until bound when it was, both included.
	Since, Until time.Time
	// Before is the sequence behind the newest entry asked for.
	Before uint64
	// Limit is the greatest number of entries, at most [MaxLimit]; 0 is that.
	Limit int
}

// List returns the newest entries that the query asks for, newest first, and
// the Before by which the same query goes on; 0 where there is nothing more.
func List(ctx context.Context, js jetstream.JetStream, q Query) ([]Entry, uint64, error) {
	p := page{query: q, filter: subject.AllAudit}
	if q.Owner != "" {
		p.filter = subject.AuditOf(q.Owner)
	}
	if p.query.Limit <= 0 || p.query.Limit > MaxLimit {
		p.query.Limit = MaxLimit
	}
	str, err := js.Stream(ctx, topology.Audit)
	if err != nil {
		return nil, 0, fail("read entries of", q.Owner, err)
	}
	newest, err := leader.Last(ctx, js, topology.Audit, p.filter)
	if err != nil {
		return nil, 0, fail("read entries of", q.Owner, err)
	}
	first, before := str.CachedInfo().State.FirstSeq, newest.Seq+1
	if q.Before > 0 {
		before = min(before, q.Before)
	}
	for width := uint64(firstStretch); before > first && !p.full(); width = min(2*width, widestStretch) {
		low := max(first, before-min(before, width))
		older, err := p.read(ctx, js, scan.Stretch{After: low - 1, Until: before - 1})
		if err != nil || older {
			return p.found, p.next, err
		}
		before = low
	}
	return p.found, p.next, nil
}

// page is what was found so far.
type page struct {
	query  Query
	filter string
	found  []Entry
	// next is set once there may be more than the page takes.
	next uint64
}

func (p *page) full() bool { return p.next > 0 }

// read takes in the newest of a stretch, and reports whether all before it is
// older than what is asked for.
func (p *page) read(ctx context.Context, js jetstream.JetStream, s scan.Stretch) (older bool, err error) {
	s.Stream, s.Filters = topology.Audit, []string{p.filter}
	room := p.query.Limit - len(p.found)
	var matching []Entry
	more := false
	err = scan.Read(ctx, js, s, func(m *cursor.Message) error {
		var e Entry
		if err := json.Unmarshal(m.Data, &e); err != nil {
			return fault.New(fault.Internal, "decode entry", strconv.FormatUint(m.Seq, 10), err)
		}
		e.Seq = m.Seq
		older = older || e.At.Before(p.query.Since)
		if !p.query.asks(&e) {
			return nil
		}
		if matching = append(matching, e); len(matching) > room {
			matching, more = matching[1:], true
		}
		return nil
	})
	slices.Reverse(matching)
	if p.found = append(p.found, matching...); more {
		p.next = p.found[len(p.found)-1].Seq
	}
	return older, err
}

func (q *Query) asks(e *Entry) bool {
	return (q.Actor == "" || q.Actor == e.Actor.ID || q.Actor == string(e.Actor.Kind)) &&
		(q.Resource == "" || q.Resource == e.Resource) && (q.ID == "" || q.ID == e.ID) &&
		!e.At.Before(q.Since) && (q.Until.IsZero() || !e.At.After(q.Until))
}
