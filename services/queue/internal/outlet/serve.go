package outlet

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
)

const (
	// slack is how long an answer may take beyond the time that it may wait.
	slack = 30 * time.Second
	// backTimeout bounds giving back what nobody was there to take.
	backTimeout = 5 * time.Second
)

// pull hands out events.
func (o *Outlet) pull(w http.ResponseWriter, r *http.Request, at queue.Address) error {
	var ask pulling
	if err := read(w, r, true, &ask); err != nil {
		return err
	}
	most, wait, err := ask.check()
	if err != nil {
		return err
	}
	// The time that the server gives a request is for reading it.
	late := time.Now().Add(wait + slack)
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(late) // where there is no connection, there is no time either
	_ = c.SetWriteDeadline(late)
	messages, err := o.deps.Desk.Pull(r.Context(), at, most, wait)
	if err != nil {
		return err
	}
	if r.Context().Err() != nil {
		o.back(r.Context(), at, messages)
		return r.Context().Err()
	}
	if wait > 0 && len(messages) > 0 { // the key may have been revoked while it waited
		if _, denied := o.admit(r, access.Take); denied != nil {
			o.back(r.Context(), at, messages)
			return denied
		}
	}
	send(w, written(messages))
	return nil
}

// back gives back what was handed out to somebody who went away meanwhile, or may
// not have it any more.
func (o *Outlet) back(ctx context.Context, at queue.Address, messages []queue.Message) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTimeout)
	defer cancel()
	_, _ = o.deps.Desk.Settle(ctx, at, queue.GiveBack(messages)) // else they come again after their time
}

// written writes an answer. The events are written already.
func written(messages []queue.Message) []byte {
	size := 64
	for _, m := range messages {
		size += len(m.Body) + len(m.Receipt) + 80
	}
	b := append(make([]byte, 0, size), `{"messages":[`...)
	for i, m := range messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"receipt":"`...)
		b = append(b, m.Receipt...)
		b = append(b, `","sequence":`...)
		b = strconv.AppendUint(b, m.Seq, 10)
		b = append(b, `,"deliveries":`...)
		b = strconv.AppendInt(b, int64(m.Times), 10)
		b = append(b, `,"event":`...)
		b = append(b, m.Body...)
		b = append(b, '}')
	}
	return append(b, "]}\n"...)
}

// result is what became of one receipt.
type result struct {
	Receipt string         `json:"receipt"`
	Status  handout.Result `json:"status"`
}

// settling returns what does one thing with receipts.
func settling(want handout.Result) func(*Outlet, http.ResponseWriter, *http.Request, queue.Address) error {
	needs, takes := "", ""
	switch want {
	case handout.Released:
		takes = "delay"
	case handout.Extended:
		needs, takes = "by", "by"
	}
	return func(o *Outlet, w http.ResponseWriter, r *http.Request, at queue.Address) error {
		var ask receipts
		if err := read(w, r, false, &ask); err != nil {
			return err
		}
		after, err := ask.check(needs, takes)
		if err != nil {
			return err
		}
		deeds := make([]queue.Deed, len(ask.Receipts))
		for i, text := range ask.Receipts {
			deeds[i] = queue.Deed{Receipt: text, Want: want, After: after}
		}
		became, err := o.deps.Desk.Settle(r.Context(), at, deeds)
		if err != nil {
			return err
		}
		out := make([]result, len(became))
		for i, b := range became {
			out[i] = result{ask.Receipts[i], b}
		}
		return sendJSON(w, map[string][]result{"results": out})
	}
}

// status says how far a queue has been read.
func (o *Outlet) status(w http.ResponseWriter, r *http.Request, at queue.Address) error {
	s, err := o.deps.Desk.Status(r.Context(), at)
	if err != nil {
		return err
	}
	out := struct {
		Position  uint64     `json:"position"`
		Waiting   uint64     `json:"waiting"`
		HandedOut int        `json:"handed_out"`
		Returned  int        `json:"returned"`
		OldestAt  *time.Time `json:"oldest_at,omitempty"`
		Gap       *gap       `json:"gap,omitempty"`
	}{s.Position, s.Waiting, s.HandedOut, s.Returned, nil, nil}
	if !s.Oldest.IsZero() {
		out.OldestAt = &s.Oldest
	}
	if !s.Gap.At.IsZero() {
		out.Gap = &gap{s.Gap.After, s.Gap.First, s.Gap.At}
	}
	return sendJSON(w, out)
}

// gap is a stretch of the log that was removed before it was read.
type gap struct {
	After uint64    `json:"after"`
	First uint64    `json:"first"`
	At    time.Time `json:"noticed_at"`
}

func sendJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	send(w, append(b, '\n'))
	return nil
}

// send answers. A client that went away is no failure of ours.
func send(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}
