package view

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/probe"
)

// errFar is returned where the log is too long for one request.
var errFar = errors.New("the log is too long to be looked through within a request: name the event by its sequence")

// SMTPTest says where a message of a test goes.
type SMTPTest struct {
	// To is empty where none is sent.
	To string `json:"to,omitempty"`
}

// Preview says what a canned email is shown with.
type Preview struct {
	// Type asks for the example of a type, Event for an event by its id, Sequence
	// for one by its place in the log: one of them.
	Type     string `json:"type,omitempty"`
	Event    string `json:"event,omitempty"`
	Sequence int64  `json:"sequence,omitempty"`
	Locale   string `json:"locale,omitempty"`
	// SMTPSettings are those of the canned email where it is empty.
	SMTPSettings string `json:"smtp_settings,omitempty"`
	// To is where the letter is sent; empty sends none.
	To string `json:"to,omitempty"`
}

const (
	shownMail    = `{"header": [{"name": "Subject", "value": "INV-2026-0042 is overdue"}], "text": "Please pay.\n", "html": "<p>Please pay.</p>\n", "size": 1234}`
	shownSteps   = `[{"name": "dns", "took_ns": 1200000}, {"name": "tcp", "took_ns": 9000000}, {"name": "hello", "took_ns": 3000000}, {"name": "tls", "took_ns": 21000000}, {"name": "auth", "took_ns": 8000000}]`
	shownMailing = `{"letter": ` + shownMail + `, "steps": ` + shownSteps + `}`
)

func mailTests(d Deps) []api.Route {
	out := []api.Route{
		{
			Method: http.MethodPost, Path: ofOwner + "/smtp-settings/{smtp_settings}/test", ID: "testSMTPSettings", On: access.SMTPSettings,
			Summary: "Connect to the server of SMTP settings step by step, and with an address send it a test message",
			Body:    &api.Body{Type: reflect.TypeFor[SMTPTest](), Media: []string{api.JSON}, Example: json.RawMessage(`{"to": "me@example.com"}`)},
			Answer:  api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[probe.Mailing](), Example: json.RawMessage(shownMailing)},
			Serve:   func(ctx context.Context, r *api.Request) (*api.Reply, error) { return testSMTP(ctx, r) },
		},
		{
			Method: http.MethodPost, Path: ofOwner + "/canned-emails/{canned_email}/preview", ID: "previewCannedEmail", On: access.CannedEmails,
			Summary: "Show what a canned email becomes by an event, and with an address send it there and to nobody else",
			Body:    &api.Body{Type: reflect.TypeFor[Preview](), Media: []string{api.JSON}, Example: json.RawMessage(`{"type": "invoice.posted", "locale": "de"}`)},
			Answer:  api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[probe.Mailing](), Example: json.RawMessage(`{"letter": ` + shownMail + `}`)},
			Serve:   func(ctx context.Context, r *api.Request) (*api.Reply, error) { return preview(ctx, d, r) },
		},
	}
	for i := range out {
		out[i].Tag, out[i].Verb, out[i].Remembered = string(out[i].On), access.Control, true
	}
	return out
}

func testSMTP(ctx context.Context, r *api.Request) (*api.Reply, error) {
	id := r.Path("smtp_settings")
	if _, err := r.Store.FindSMTP(ctx, r.Owner, id); err != nil {
		return nil, addressed(err)
	}
	var want SMTPTest
	if err := decode(r, &want); err != nil {
		return nil, err
	}
	var report field.Report
	checkTo(&report, want.To)
	if err := report.Problems().Or(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	return askMailer(ctx, r, probe.MailQuestion{Owner: r.Owner, SMTP: id, Connect: true, To: want.To})
}

func checkTo(report *field.Report, to string) {
	if to != "" {
		report.Address("/to", to)
	}
}

func preview(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	id := r.Path("canned_email")
	canned, err := r.Store.FindEmail(ctx, r.Owner, id)
	if err != nil {
		return nil, addressed(err)
	}
	var want Preview
	if err := decode(r, &want); err != nil {
		return nil, err
	}
	var report field.Report
	want.check(d, &report)
	if _, ok := d.Directory.Owner(r.Owner).SMTP.Choose(cmp.Or(want.SMTPSettings, canned.Document.SMTP)); !ok {
		report.Add("/smtp_settings", "smtp.unknown", "the owner has no such SMTP settings")
	}
	if err := report.Problems().Or(); err != nil {
		return nil, err
	}
	q := probe.MailQuestion{
		Owner: r.Owner, Email: id, SMTP: want.SMTPSettings, EventType: want.Type, EventSeq: uint64(want.Sequence), Locale: want.Locale,
		Connect: want.To != "", To: want.To,
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	if want.Event != "" {
		if q.EventSeq, err = findEvent(ctx, d, r.Owner, want.Event); err != nil {
			return nil, err
		}
	}
	return askMailer(ctx, r, q)
}

// findEvent looks for an event by its id, for so long that time is left for what
// it is looked for.
func findEvent(ctx context.Context, d Deps, owner, id string) (uint64, error) {
	bounded, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	seq, err := eventlog.Find(bounded, d.JetStream, owner, id)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return 0, fault.Problems{{Pointer: "/event", Rule: "event.unknown", Detail: "the owner has no event of this id, or no longer"}}
	case err != nil && bounded.Err() != nil && ctx.Err() == nil:
		return 0, fault.New(fault.Exhausted, "look for event of", owner, errFar)
	}
	return seq, err
}

func (p *Preview) check(d Deps, report *field.Report) {
	given := 0
	for _, is := range []bool{p.Type != "", p.Event != "", p.Sequence != 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		report.Add("/type", "preview.event", "name one of type, event and sequence")
	}
	if p.Sequence < 0 {
		report.Add("/sequence", "number.range", "must be at least 1")
	}
	if _, known := d.Catalogue.Event(p.Type); p.Type != "" && !known {
		report.Add("/type", "event.unknown", "the catalogue has no such event type")
	}
	report.Locale("/locale", p.Locale)
	checkTo(report, p.To)
}

// askMailer has a mailer do what is asked.
func askMailer(ctx context.Context, r *api.Request, q probe.MailQuestion) (*api.Reply, error) {
	made, err := r.Store.TryMail(ctx, q)
	if err := untried(ctx, made.Refused, err); err != nil {
		return nil, err
	}
	return &api.Reply{Body: made.Mailing}, nil
}
