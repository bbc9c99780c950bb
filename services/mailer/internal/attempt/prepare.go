package attempt

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/bag"
	"github.com/billhook/billhook/services/mailer/internal/document"
	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// The reasons why a delivery ends without an attempt, besides those of a
// missing route.
const (
	// Expired: retention removed the event before it was sent.
	Expired = "event_expired"
	// NoContact: the account has no address for the contact types written to.
	NoContact = "no_contact"
	// NoInvoicing: the account does not want invoices by email, and nobody
	// else is written to.
	NoInvoicing = "email_invoicing_off"
	// RenderFailed: a template failed on this event's values.
	RenderFailed = "render_failed"
	// LetterInvalid: what was rendered makes no mail, for one because of an
	// address that is none.
	LetterInvalid = "letter_invalid"
	// Suppressed: all who would get it have unsubscribed.
	Suppressed = bag.Suppressed
	// TooLarge: the letters are too large to be kept for a retry.
	TooLarge = "letters_too_large"
)

func skipped(reason, detail string) *Ending {
	return &Ending{Result: delivery.Skipped, Reason: reason, Detail: detail}
}

func parked(reason, detail string) *Ending {
	return &Ending{Result: delivery.Parked, Reason: reason, Detail: detail}
}

// preparing is what letters are rendered for.
type preparing struct {
	route *route.Route
	who   *identity.Identity
}

// prepare renders the letters where they are not frozen yet. The error is an
// *Ending where there will never be any, else what passes.
func (m *Maker) prepare(ctx context.Context, t *Task, p preparing) error {
	if t.Bag != nil {
		if !t.Bag.Waiting() {
			t.Revive() // an ordered one goes on with what was given up
		}
		return nil
	}
	ev, err := m.event(ctx, t)
	if err != nil {
		return err
	}
	acc, err := m.account(ctx, t.Delivery.Owner, ev)
	if err != nil {
		return err
	}
	plan, err := m.address(p.route, ev, acc)
	if err != nil {
		return err
	}
	mail := m.mail(t, p.route, told{ev, acc})
	letters, err := m.Renderer.Letters(mail, plan.Letters)
	if errors.Is(err, render.ErrBroken) {
		return parked(route.Broken, err.Error())
	}
	if err != nil {
		return parked(RenderFailed, err.Error())
	}
	b := &bag.Bag{At: mail.Now, SMTP: p.route.Settings.ID, Email: p.route.Canned.ID, Revision: p.route.Canned.Revision, Missing: plan.Missing}
	if plan.Invoicing || slices.Contains(p.route.Canned.Attachments, email.Invoice) {
		b.Document = document.Of(ev, p.route.Email.Document)
	}
	each := p.who.Recipients
	if !p.route.Canned.Owed() {
		each = 1 // a link is one reader's
	}
	if err := t.fill(b, letters, filling{p.who.Signer, each}); err != nil {
		return err
	}
	if !p.route.Canned.Owed() {
		if err := m.link(t, b); err != nil {
			return err
		}
	}
	if err := fits(b); err != nil {
		return err
	}
	t.Bag = b
	return nil
}

func (m *Maker) event(ctx context.Context, t *Task) (*event.Event, error) {
	if t.Event != nil {
		return t.Event, nil
	}
	ev, err := m.Events.Get(ctx, t.Delivery.EventSeq)
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Invalid:
		return nil, parked(Expired, err.Error())
	}
	return ev, err
}

// account returns the account of an event, nil where the event concerns none
// or one that is not known.
func (m *Maker) account(ctx context.Context, owner string, ev *event.Event) (*account.Account, error) {
	if ev.Account == "" {
		return nil, nil
	}
	acc, err := m.Accounts.Get(ctx, owner, ev.Account)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return acc, err
}

// address plans who gets the letters.
func (m *Maker) address(r *route.Route, ev *event.Event, acc *account.Account) (addressing.Plan, error) {
	kind, _ := m.Catalogue.Event(ev.Type)
	plan := addressing.Resolve(addressing.Case{
		Canned: &r.Canned.Spec, Use: r.Email, Account: acc, Types: r.Types, Invoicing: kind.Invoicing, Values: ev.Data,
	})
	switch {
	case len(plan.Letters) > 0:
		return plan, nil
	case plan.Off:
		return plan, skipped(NoInvoicing, "the account has email invoicing switched off, and the email goes to nobody but contacts")
	default:
		return plan, skipped(NoContact, "no address for "+strings.Join(plan.Missing, ", "))
	}
}

// told is an event with its account.
type told struct {
	event   *event.Event
	account *account.Account
}

func (m *Maker) mail(t *Task, r *route.Route, about told) render.Mail {
	out := render.Mail{
		Delivery: t.Delivery.ID, Owner: t.Delivery.Owner, OwnerName: r.OwnerName,
		Canned: r.Canned, Event: about.event, Now: m.Now().UTC(),
		From:   letter.Address{Name: r.Settings.FromName, Addr: r.Settings.FromAddress},
		Sender: r.Settings.EnvelopeSender, ReplyTo: r.Settings.ReplyTo,
	}
	if !t.Began.IsZero() {
		out.Now = t.Began.UTC() // as the process before us rendered them
	}
	zone := about.event.Data.Text("Account.TimeZone")
	if about.account != nil {
		zone, out.Locale = about.account.TimeZone, about.account.Locale
	}
	out.Zone = m.Renderer.Zone(zone, r.OwnerZone)
	return out
}

// filling is how letters are put into a bag: by whom they are signed, and how
// many recipients each transaction has.
type filling struct {
	signer *letter.Signer
	each   int
}

// fill puts the letters into the bag, and sees to it that they make mails.
func (t *Task) fill(b *bag.Bag, letters []letter.Letter, f filling) error {
	for i, l := range letters {
		e, err := letter.Seal(l, letter.Wrap{Signer: f.signer})
		if err != nil {
			return parked(LetterInvalid, err.Error())
		}
		b.Add(l, e.Recipients, f.each)
		if i == 0 {
			t.sealed = &e
		}
	}
	return nil
}

// link gives each recipient the link by which no more of these come.
func (m *Maker) link(t *Task, b *bag.Bag) (err error) {
	t.sealed = nil
	for i := range b.Letters {
		l := &b.Letters[i]
		l.Content.Unsubscribe, err = m.Links.For(unsubscribe.Reader{Owner: t.Delivery.Owner, Address: l.Waiting[0]})
		if err != nil {
			return err
		}
	}
	return nil
}

// fits sees to it that the letters could be kept.
func fits(b *bag.Bag) error {
	size := 0
	for i := range b.Letters {
		l := &b.Letters[i].Content
		size += len(l.HTML) + len(l.Text) + len(l.Subject) + len(l.Unsubscribe)
	}
	if size < bag.MaxEncoded/2 {
		return nil // with all that belongs to them besides
	}
	if _, err := b.Encode(); err != nil {
		return parked(TooLarge, err.Error())
	}
	return nil
}

// unprepared ends a delivery that cannot be sent, or has it tried again.
func (m *Maker) unprepared(ctx context.Context, t *Task, err error) (Made, error) {
	var e *Ending
	if errors.As(err, &e) {
		return m.End(t, *e), nil
	}
	if ctx.Err() != nil {
		return Made{}, context.Cause(ctx)
	}
	t.Logger(m.Log).Warn().Err(err).Msg("delivery put off")
	return Made{}, &Later{At: m.Now().Add(soon), Err: err}
}
