package contract

import (
	"bytes"
	_ "embed" // of the text around the tables
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/tokens"
)

//go:embed page.md
var page string

// Page returns the page for people.
func Page(c *tokens.Catalogue) (string, error) {
	w := writer{catalogue: c, rules: rules.New(c)}
	record, err := refusal(w.rules)
	if err != nil {
		return "", err
	}
	shown, _ := c.Event(brokenType)
	f := form{event: shown, account: true, example: sample(c.Example(brokenType))}
	publisher := permission.PublisherUser("<owner>")
	text := strings.NewReplacer(
		"$PUBLISHER", publisher, "$INBOX", permission.InboxPrefix(publisher), "$SUBJECT", subject.Platform("<owner>", "<type>"),
		"$BYTES", strconv.Itoa(event.MaxBytes>>10), "$CONTEXTLESS", w.contextless(), "$IDRULE", id.Rule,
		"$CLOUDEVENT", envelope.CloudEvent, "$JSON", envelope.JSON,
		"$PLAIN", w.payload(f.plain()), "$STRUCTURED", w.payload(f.structured()), "$BINARY", w.binary(f),
		"$REJECTED", subject.Rejected("<owner>", "<reason>"), "$REASONS", reasons(), "$REFUSAL", w.indented(record),
		"$LOGGED", w.logged(), "$NOTICE", w.indented(c.Example(string(notice.EndpointDisabled))), "$EVENTS", w.events(),
	).Replace(page)
	return text, w.err
}

// writer writes the parts of the page. It keeps the first error.
type writer struct {
	catalogue *tokens.Catalogue
	rules     *rules.Rules
	err       error
}

// sample is an example with as many values as a reader wants to see.
func sample(all *event.Event) *event.Event {
	out := *all
	out.Data = event.Values{}
	for _, name := range []string{"Invoice.Number", "Invoice.Total", "Invoice.Currency"} {
		out.Data[name] = all.Data[name]
	}
	return &out
}

func (w *writer) indented(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil && w.err == nil {
		w.err = fault.New(fault.Internal, "write contract", "page", err)
	}
	return strings.TrimSpace(out.String())
}

// example returns the example of a message.
func example(message object) object {
	return message["examples"].([]any)[0].(object)
}

func (w *writer) payload(message object) string { return w.indented(example(message)["payload"]) }

// binary shows headers as lines before the body.
func (w *writer) binary(f form) string {
	of := example(f.binary())
	var b strings.Builder
	headers := of["headers"].(object)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&b, "%s: %v\n", name, headers[name])
	}
	return b.String() + "\n" + w.indented(of["payload"])
}

func reasons() string {
	var rows []string
	for _, r := range admission.Reasons() {
		rows = append(rows, fmt.Sprintf("| `%s` | %s |", r.Name, r.Meaning))
	}
	return strings.Join(rows, "\n")
}

// contextless names the contexts of events that platforms publish without an
// account.
func (w *writer) contextless() string {
	var names []string
	for _, e := range w.catalogue.Events() {
		known, _ := w.rules.Type(e.Type)
		if !known.Reserved && !known.AccountRequired && !slices.Contains(names, e.Context) {
			names = append(names, e.Context)
		}
	}
	return strings.Join(names, " and ")
}

func (w *writer) logged() string {
	var rows []string
	for _, e := range w.catalogue.Events() {
		if known, _ := w.rules.Type(e.Type); known.Reserved {
			rows = append(rows, fmt.Sprintf("| [%s](schemas/%s.json) | `%s` | %s |",
				e.Type, e.Type, subject.EventsOfOwner("<owner>", e.Type), strings.Join(e.FiredBy, ", ")))
		}
	}
	return strings.Join(rows, "\n")
}

func (w *writer) events() string {
	var rows []string
	for _, e := range w.catalogue.Events() {
		known, _ := w.rules.Type(e.Type)
		if known.Reserved {
			continue
		}
		account := "may be given"
		if known.AccountRequired {
			account = "required"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | [schema](schemas/%s.json) |", subject.Platform("<owner>", e.Type), account, e.Type))
	}
	return strings.Join(rows, "\n")
}
