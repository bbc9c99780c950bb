package send

import (
	"context"
	"errors"
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/bag"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/route"
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
	// RenderFailed: a template failed on this event's values.
	RenderFailed = "render_failed"
	// LetterInvalid: what was rendered makes no mail, for one because of an
	// address that is none.
	LetterInvalid = "letter_invalid"
	// TooLarge: the letters are too large to be kept for a retry.
	TooLarge = "letters_too_large"
)

// prepare renders the letters where they are not frozen yet. The error is an
// *ending where there will never be any, else what passes.
func (s *Sender) prepare(ctx context.Context, j *job, r *route.Route) error {
	if j.bag != nil {
		return nil
	}
	ev, err := s.Events.Get(ctx, j.Delivery.EventSeq)
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Invalid:
		return parked(Expired, err.Error())
	}
	if err != nil {
		return err
	}
	acc, err := s.account(ctx, j, ev)
	if err != nil {
		return err
	}
	plan := addressing.Resolve(&r.Canned.Spec, r.Email, acc)
	if len(plan.Letters) == 0 {
		return skipped(NoContact, "no address for contact type "+strings.Join(plan.Missing, ", "))
	}
	mail := s.mail(j, r, ev, acc)
	letters, err := s.Renderer.Letters(mail, plan.Letters)
	if errors.Is(err, render.ErrBroken) {
		return parked(route.Broken, err.Error())
	}
	if err != nil {
		return parked(RenderFailed, err.Error())
	}
	b := &bag.Bag{At: mail.Now, SMTP: r.Settings.ID, Email: r.Canned.ID, Revision: r.Canned.Revision, Missing: plan.Missing}
	return s.fill(j, b, letters)
}

// account returns the account of an event, nil where the event concerns none
// or one that is not known.
func (s *Sender) account(ctx context.Context, j *job, ev *event.Event) (*account.Account, error) {
	if ev.Account == "" {
		return nil, nil
	}
	acc, err := s.Accounts.Get(ctx, j.Delivery.Owner, ev.Account)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return acc, err
}

func (s *Sender) mail(j *job, r *route.Route, ev *event.Event, acc *account.Account) render.Mail {
	m := render.Mail{
		Delivery: j.Delivery.ID, Owner: j.Delivery.Owner, OwnerName: r.OwnerName,
		Canned: r.Canned, Event: ev, Now: s.Now().UTC(),
		From: letter.Address{Name: r.Settings.FromName, Addr: r.Settings.FromAddress},
	}
	if !j.began.IsZero() {
		m.Now = j.began // as the process before us rendered them
	}
	zone := ev.Data.Text("Account.TimeZone")
	if acc != nil {
		zone = acc.TimeZone
	}
	m.Zone = render.Zone(zone, r.OwnerZone)
	return m
}

// fill seals the letters and sees to it that they could be kept.
func (s *Sender) fill(j *job, b *bag.Bag, letters []letter.Letter) error {
	size := 0
	for _, l := range letters {
		e, err := letter.Seal(l)
		if err != nil {
			return parked(LetterInvalid, err.Error())
		}
		b.Add(e)
		size += len(e.Message)
	}
	if size > bag.MaxEncoded {
		if _, err := b.Encode(); err != nil {
			return parked(TooLarge, err.Error())
		}
	}
	j.bag = b
	return nil
}
