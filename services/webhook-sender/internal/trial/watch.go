package trial

import (
	"crypto/tls"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/settle"
)

// watch notes what happens on the way to a receiver. A dialling that was given up
// may go on behind the answer, so what it notes is guarded.
type watch struct {
	now func() time.Time

	mu     sync.Mutex
	marks  map[mark]time.Time
	header []probe.Line
}

// mark is a moment of a request.
type mark uint8

const (
	dnsStart mark = iota
	dnsDone
	connectStart
	connectDone
	tlsStart
	tlsDone
	wrote
	firstByte
)

func newWatch(now func() time.Time) *watch { return &watch{now: now, marks: map[mark]time.Time{}} }

// trace returns the hooks that note.
func (w *watch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { w.begin() },
		DNSStart:             func(httptrace.DNSStartInfo) { w.first(dnsStart) },
		DNSDone:              func(httptrace.DNSDoneInfo) { w.last(dnsDone) },
		ConnectStart:         func(string, string) { w.first(connectStart) },
		ConnectDone:          func(string, string, error) { w.last(connectDone) },
		TLSHandshakeStart:    func() { w.first(tlsStart) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { w.last(tlsDone) },
		WroteHeaderField:     w.wroteHeader,
		WroteRequest:         func(httptrace.WroteRequestInfo) { w.last(wrote) },
		GotFirstResponseByte: func() { w.last(firstByte) },
	}
}

// begin forgets what another request on the way wrote.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.header = nil
}

// first notes a moment that counts when it comes first: addresses are tried one
// beside another.
func (w *watch) first(m mark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.marks[m]; !ok {
		w.marks[m] = w.now()
	}
}

func (w *watch) last(m mark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks[m] = w.now()
}

func (w *watch) wroteHeader(name string, values []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range values {
		w.header = append(w.header, probe.Line{Name: name, Value: v})
	}
}

// between is the time from one moment to another; 0 where one did not come.
func (w *watch) between(from, to mark) time.Duration {
	start, began := w.marks[from]
	end, ended := w.marks[to]
	if !began || !ended {
		return 0
	}
	return max(0, end.Sub(start))
}

// report tells what was noted of an attempt, without the secrets that it proved
// itself with.
func (w *watch) report(work *settle.Work, made attempt.Made, secrets []string) probe.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := made.Answer
	shown, hidden := mask(w.header, attempt.Added(work))
	hidden = append(hidden, secrets...)
	x := probe.Exchange{
		Reason: a.Reason, Detail: a.Detail,
		Request:  probe.Request{Method: http.MethodPost, URL: made.URL.String(), Header: shown, Body: string(work.Frozen)},
		Response: probe.Response{Status: a.Status, Header: bounded(a.Header, hidden), Body: a.Body},
		Timing: probe.Timing{
			DNS: w.between(dnsStart, dnsDone), Connect: w.between(connectStart, connectDone), TLS: w.between(tlsStart, tlsDone),
			FirstByte: w.between(wrote, firstByte), Total: a.Took,
		},
	}
	// A receiver may send back what it was sent.
	x.Response.Body = hide(x.Response.Body, hidden)
	return probe.Report{Exchange: x}
}

// plain are the header lines that are secret nowhere.
func plain() []string {
	return []string{
		"host", "user-agent", "content-length", "content-type", "webhook-id", "webhook-timestamp", "webhook-signature", "billhook-test",
	}
}

// mask shows the lines that are secret nowhere and those of added names, and
// returns what else there was.
func mask(lines []probe.Line, added []string) (shown []probe.Line, hidden []string) {
	open := slices.Concat(plain(), added)
	for _, l := range lines {
		if !slices.ContainsFunc(open, func(name string) bool { return strings.EqualFold(name, l.Name) }) {
			_, credential, _ := strings.Cut(l.Value, " ") // behind the name of a scheme
			hidden = append(hidden, l.Value, credential)
			l.Value = secret.Mask
		}
		shown = append(shown, l)
	}
	return shown, hidden
}

// hide masks what is hidden in a text.
func hide(text string, hidden []string) string {
	for _, s := range hidden {
		if s != "" {
			text = strings.ReplaceAll(text, s, secret.Mask)
		}
	}
	return text
}

// The bounds of what is told of an answer's headers.
const (
	mostLines   = 50
	longestLine = 1 << 10
)

// bounded lists the header lines of an answer, in the order of their names. What
// is hidden is masked before anything is cut: a part of it would be shown.
func bounded(h http.Header, hidden []string) []probe.Line {
	var out []probe.Line
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			if len(out) == mostLines {
				return out
			}
			out = append(out, probe.Line{Name: cut(name), Value: cut(hide(v, hidden))})
		}
	}
	return out
}

func cut(s string) string {
	if len(s) > longestLine {
		s = s[:longestLine] + "…"
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
