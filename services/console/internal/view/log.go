// Package view is what the API shows beside what owners configure: events, what
// became of deliveries, what was given up, keys, the catalogue; and what is
// asked of things beyond their documents. It refuses to decide: it reads and
// asks through the same packages as the command line.
package view

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/page"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/direct"
)

// Reading of logs: so many messages are asked for at once, and so many are
// looked at for one page. A page may so have fewer items than were asked for, or
// none, and still be followed by another.
const (
	batch = 500
	reach = 1000
	// recent is from how long ago on a log is listed where nobody says.
	recent = time.Hour
)

// paged are the parameters of a list that lies in a stream.
func paged() []api.Param {
	return []api.Param{
		{Name: "limit", About: "greatest number of items, 1 to 1,000; 100 when not given. A page may have fewer and be followed by another", Kind: api.Whole},
		{Name: "cursor", About: "next of the page before; a list begins without it"},
	}
}

// span are the parameters of a list of what happened.
func span() []api.Param {
	return append(paged(), api.Param{Name: "since", About: "from this moment on", Kind: api.Moment},
		api.Param{Name: "until", About: "up to this moment", Kind: api.Moment})
}

// log is a part of a stream, listed from the oldest message on.
type log struct {
	js              jetstream.JetStream
	stream, subject string
	now             func() time.Time
	// whole says that the list begins with the oldest message, where nobody says
	// since when.
	whole bool
	// rows returns what a message has, nil for a line that was not asked for.
	rows func(*cursor.Message) ([]any, error)
}

// page reads one page. What was stored after the page was asked for is on a
// later one, so a list that is read to its end ends.
func (l log) page(ctx context.Context, a page.Ask) (page.Page, error) {
	from, err := a.After()
	if err != nil {
		return page.Page{}, err
	}
	s := direct.Span{Stream: l.stream, Subject: l.subject, First: from.Seq, Batch: batch}
	if a.Cursor == "" {
		if s.Since = a.Since; s.Since.IsZero() && !l.whole {
			s.Since = l.now().Add(-recent)
		}
	}
	t := taking{log: l, ask: a, last: from, page: page.Page{Items: []any{}}}
	more := true
	for looked := 0; more && !t.done && t.err == nil && looked < reach; looked += batch {
		if more, err = direct.Read(ctx, l.js, s, t.take); err != nil {
			return page.Page{}, err
		}
		s.First, s.Since = t.last.Seq+1, time.Time{}
	}
	if (more || t.full) && !t.over {
		t.page.Next = a.At(t.last)
	}
	return t.page, t.err
}

// taking is a page in the making. It is done when it is full, or over: what
// follows is later than what was asked for.
type taking struct {
	log              log
	ask              page.Ask
	page             page.Page
	last             page.Spot
	done, full, over bool
	err              error
}

func (t *taking) take(m *direct.Message) {
	if t.done || t.err != nil {
		return
	}
	if !t.ask.Until.IsZero() && m.Time.After(t.ask.Until) {
		t.done, t.over = true, true
		return
	}
	rows, err := t.log.rows(&cursor.Message{Subject: m.Subject, Header: m.Header, Data: m.Data, Seq: m.Seq, Time: m.Time})
	if err != nil {
		t.err = err
		return
	}
	begin := 0
	if m.Seq == t.last.Seq {
		begin = min(t.last.Line, len(rows)) // the page before ended within it
	}
	for i := begin; i < len(rows); i++ {
		if rows[i] == nil {
			continue
		}
		if len(t.page.Items) == t.ask.Limit {
			t.done, t.full = true, true
			t.last = page.Spot{Seq: m.Seq, Line: i}
			return
		}
		t.page.Items = append(t.page.Items, rows[i])
	}
	t.last = page.Spot{Seq: m.Seq, Line: len(rows)}
}
