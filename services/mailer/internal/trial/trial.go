// Package trial shows what a canned email becomes, and tries SMTP settings step
// by step: for people, by the way of every letter, over a connection of its
// own. It refuses to record anything: a trial is no delivery.
package trial

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/config/directory"
	settings "github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer/internal/attempt"
	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/tokens"
)

// The reasons of refusals beside those of a missing route.
const (
	// TypeUnknown: the catalogue has no such event.
	TypeUnknown = "event_type_unknown"
	// TypeUnfit: the canned email uses what the event does not have.
	TypeUnfit = "event_type_unfit"
	// EventUnknown: the owner has no such event, or no longer.
	EventUnknown = "event_unknown"
	// RenderFailed: the templates failed on the event's values.
	RenderFailed = "render_failed"
	// LetterInvalid: what was rendered makes no mail.
	LetterInvalid = "letter_invalid"
	// Secrets: a secret of the settings cannot be opened.
	Secrets = "secret_unreadable"
	// NoLink: the operator has not said where links to unsubscribe lead.
	NoLink = attempt.NoLink
)

// Directory has the owners' present configuration.
type Directory interface {
	Owner(owner string) *directory.Snapshot
}

// Accounts reads accounts; the error is of kind NotFound where there is none.
type Accounts interface {
	Get(ctx context.Context, owner, id string) (*account.Account, error)
}

// Events reads events by their sequence.
type Events interface {
	Get(ctx context.Context, seq uint64) (*event.Event, error)
}

// Links makes the links by which readers unsubscribe.
type Links interface {
	For(r unsubscribe.Reader) (string, error)
}

// Parts are what trials are made with.
type Parts struct {
	Directory Directory
	Accounts  Accounts
	Events    Events
	Catalogue *tokens.Catalogue
	Renderer  *render.Renderer
	// Identities opens settings for sending.
	Identities *identity.Book
	// Links makes the links by which readers unsubscribe.
	Links Links
	// Connections is how connections are made.
	Connections smtp.Config
	Now         func() time.Time
	Rand        io.Reader
}

// Trials tries canned emails and SMTP settings. It may be used by many
// goroutines.
type Trials struct{ parts Parts }

// New returns trials.
func New(p Parts) *Trials { return &Trials{p} }

func refuse(reason string, detail any) *probe.Refusal {
	return &probe.Refusal{Reason: reason, Detail: fmt.Sprint(detail)}
}

// unknown refuses what whoever asks may have heard of before us.
func unknown(reason, detail string) *probe.Refusal {
	return &probe.Refusal{Reason: reason, Detail: detail, Passing: true}
}

// Try does what a question asks for.
func (t *Trials) Try(ctx context.Context, q probe.MailQuestion) probe.MailReport {
	if r := check(q); r != nil {
		return probe.RefuseMail(*r)
	}
	s := subject{q: q, snapshot: t.parts.Directory.Owner(q.Owner)}
	if r := s.choose(); r != nil {
		return probe.RefuseMail(*r)
	}
	who, err := t.parts.Identities.Open(q.Owner, s.settings)
	if err != nil {
		return probe.RefuseMail(*refuse(Secrets, err))
	}
	l, r := t.letter(ctx, &s)
	if r != nil {
		return probe.RefuseMail(*r)
	}
	l.Sender, l.ReplyTo = s.settings.EnvelopeSender, s.settings.ReplyTo
	e, err := letter.Seal(l, letter.Wrap{Signer: who.Signer})
	if err != nil {
		return probe.RefuseMail(*refuse(LetterInvalid, err))
	}
	out := probe.MailReport{Mailing: probe.Mailing{Letter: shown(e, l)}}
	if q.Connect {
		out.Steps = t.connect(ctx, who.Server, q, e)
	}
	return out
}

func check(q probe.MailQuestion) *probe.Refusal {
	for _, text := range []string{q.Owner, q.SMTP, q.Email} {
		if text != "" && !id.Valid(text) {
			return refuse(probe.Malformed, fmt.Sprintf("%q is no identifier", text))
		}
	}
	if q.To != "" {
		if err := address.Check(q.To); err != nil {
			return refuse(probe.Malformed, fmt.Sprintf("%q is no address: %s", q.To, err))
		}
	}
	return nil
}

// connect goes the steps; a letter goes with them where it is to go to
// somebody.
func (t *Trials) connect(ctx context.Context, srv smtp.Server, q probe.MailQuestion, e letter.Envelope) []probe.Step {
	with := &e
	if q.To == "" {
		with = nil
	}
	var out []probe.Step
	for _, s := range smtp.Steps(ctx, t.parts.Connections, srv, with) {
		step := probe.Step{Name: s.Name, Took: s.Took, Detail: s.Detail}
		if s.Failure != nil {
			step.Reason = s.Failure.Reason()
		}
		out = append(out, step)
	}
	return out
}

// subject is what is tried.
type subject struct {
	q        probe.MailQuestion
	snapshot *directory.Snapshot
	settings *settings.Settings
}

// choose finds the settings: those asked for, else those of the canned email,
// else the default.
func (s *subject) choose() *probe.Refusal {
	set := s.q.SMTP
	if s.q.Email != "" {
		canned, ok := s.snapshot.Emails[s.q.Email]
		if !ok {
			return unknown(route.EmailUnknown, "the owner has no canned email "+s.q.Email)
		}
		if set == "" {
			set = canned.SMTP
		}
	}
	var ok bool
	if s.settings, ok = s.snapshot.SMTP.Choose(set); !ok {
		return unknown(route.NoSettings, "the owner has no SMTP settings "+set)
	}
	return nil
}
