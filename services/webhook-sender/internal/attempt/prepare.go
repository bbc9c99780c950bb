package attempt

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/services/webhook-sender/internal/program"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/payload"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/tokens"
)

// The headers that webhooks add to the work they keep between attempts. Its
// data is the body, byte for byte as it was first sent.
const (
	// HeaderEndpoint is the id of the endpoint.
	HeaderEndpoint = "Billhook-Endpoint"
	// HeaderPath is the rendered path behind the endpoint's URL, HeaderQuery
	// the query, and HeaderAdded the header lines that the owner adds: a JSON
	// array of [name, value].
	HeaderPath  = "Billhook-Path"
	HeaderQuery = "Billhook-Query"
	HeaderAdded = "Billhook-Added"
	// HeaderContentType is the media type of the body where it is not
	// application/json.
	HeaderContentType = "Billhook-Content-Type"
)

// The reasons why a delivery is parked without a request.
const (
	// Expired: retention removed the event before it was sent.
	Expired = "event_expired"
	// TooLarge: the body is over 256 KiB.
	TooLarge = "body_too_large"
	// RenderFailed: a template failed on this event's values.
	RenderFailed = "render_failed"
	// PathRefused: the rendered path would leave the endpoint's URL.
	PathRefused = "path_refused"
)

// hopeless is a failure that no repeat can mend.
type hopeless struct {
	reason string
	err    error
}

func (h *hopeless) Error() string { return h.reason + ": " + h.err.Error() }

func (h *hopeless) Unwrap() error { return h.err }

// Frozen reports whether work has its body already. Until the first attempt
// none has, also where the delivery was put off.
func Frozen(w *settle.Work) bool { return len(w.Frozen) > 0 }

// Endpoint is that of work that has its body already, else empty.
func Endpoint(w *settle.Work) string {
	if !Frozen(w) {
		return ""
	}
	return w.Header.Get(HeaderEndpoint)
}

// preparing is what a request is prepared from.
type preparing struct {
	target *target.Target
	event  *event.Event // nil: it is read
}

// prepared is a request but for what is new in every attempt.
type prepared struct {
	url         *url.URL
	added       [][2]string
	contentType string
}

// prepare freezes what is sent where it is not yet, and joins the URL.
func (m *Maker) prepare(ctx context.Context, w *settle.Work, from preparing) (prepared, error) {
	if !Frozen(w) {
		if err := m.freeze(ctx, w, from); err != nil {
			return prepared{}, err
		}
	}
	out := prepared{contentType: cmp.Or(w.Header.Get(HeaderContentType), payload.Plain.ContentType())}
	var err error
	if out.added, err = lines(w); err != nil {
		return prepared{}, &hopeless{RenderFailed, err}
	}
	if out.url, err = guard.JoinPath(from.target.Base, w.Header.Get(HeaderPath)); err != nil {
		return prepared{}, &hopeless{PathRefused, err}
	}
	if query := w.Header.Get(HeaderQuery); query != "" {
		joined := *out.url // it may be shared
		joined.RawQuery = strings.TrimPrefix(joined.RawQuery+"&"+query, "&")
		out.url = &joined
	}
	return out, nil
}

// lines reads the header lines that are kept.
func lines(w *settle.Work) (out [][2]string, err error) {
	if raw := w.Header.Get(HeaderAdded); raw != "" {
		err = json.Unmarshal([]byte(raw), &out)
	}
	return out, err
}

// Added returns the names of the header lines that the subscription of frozen
// work adds.
func Added(w *settle.Work) []string {
	kept, _ := lines(w) // what cannot be read was not sent
	out := make([]string, len(kept))
	for i, l := range kept {
		out[i] = l[0]
	}
	return out
}

// freeze renders the event for the target and keeps what came of it.
func (m *Maker) freeze(ctx context.Context, w *settle.Work, from preparing) error {
	t, ev := from.target, from.event
	var err error
	if ev == nil {
		ev, err = m.Events.Get(ctx, w.Delivery.EventSeq)
	}
	if errors.Is(err, eventlog.ErrExpired) {
		return &hopeless{Expired, err}
	}
	if err != nil {
		return err
	}
	frame := tokens.Frame{OwnerName: t.Owner, Zone: m.Targets.Zone(ev.Data.Text("Account.TimeZone"), t.Zone), Now: m.Now()}
	if !w.First.IsZero() {
		frame.Now = w.First // sent before, and its bytes were not kept
	}
	r, err := t.Program.Render(ev, frame)
	if errors.Is(err, payload.ErrTooLarge) {
		return &hopeless{TooLarge, err}
	}
	if err != nil {
		return &hopeless{RenderFailed, err}
	}
	w.Header = nats.Header{HeaderEndpoint: {t.Endpoint}}
	if r.Path != "" {
		w.Header[HeaderPath] = []string{r.Path}
	}
	if r.Query != "" {
		w.Header[HeaderQuery] = []string{r.Query}
	}
	if len(r.Header) > 0 {
		w.Header[HeaderAdded] = []string{added(r.Header)}
	}
	if r.ContentType != payload.Plain.ContentType() {
		w.Header[HeaderContentType] = []string{r.ContentType}
	}
	w.Frozen = r.Body
	return nil
}

// added writes header lines as they are kept.
func added(lines []program.Line) string {
	pairs := make([][2]string, len(lines))
	for i, l := range lines {
		pairs[i] = [2]string{l.Name, l.Value}
	}
	b, _ := json.Marshal(pairs) // texts never fail
	return string(b)
}
