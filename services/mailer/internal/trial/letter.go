package trial

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/mail"
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/probe"
)

// letter is the canned email rendered, or a message of our own.
func (t *Trials) letter(ctx context.Context, s *subject) (letter.Letter, *probe.Refusal) {
	set := s.settings
	if s.q.Email == "" {
		return letter.Letter{
			Key: probe.Key(t.parts.Rand), Date: t.parts.Now().UTC(), From: letter.Address{Name: set.FromName, Addr: set.FromAddress},
			To: []letter.Address{{Addr: s.to("")}}, Subject: "Test of the SMTP settings " + set.ID,
			Text: "Somebody had the SMTP settings " + set.ID + " of " + s.q.Owner + " tried out. They work.\n",
		}, nil
	}
	canned := s.snapshot.Emails[s.q.Email]
	ev, r := t.event(ctx, s.q, canned)
	if r != nil {
		return letter.Letter{}, r
	}
	acc, err := t.account(ctx, s.q.Owner, ev)
	if err != nil {
		return letter.Letter{}, refuse(EventUnknown, err)
	}
	m := render.Mail{
		Delivery: probe.Key(t.parts.Rand), Owner: s.q.Owner, Canned: canned, Event: ev, Now: t.parts.Now().UTC(),
		From: letter.Address{Name: set.FromName, Addr: set.FromAddress}, Locale: s.q.Locale,
	}
	s.place(&m, acc)
	reader := t.reader(canned, acc)
	letters, err := t.parts.Renderer.Letters(m, []addressing.Letter{{Contact: reader, To: []letter.Address{{Addr: s.to(reader.Email)}}}})
	switch {
	case errors.Is(err, render.ErrBroken):
		return letter.Letter{}, refuse(route.Broken, err)
	case err != nil:
		return letter.Letter{}, refuse(RenderFailed, err)
	}
	if !canned.Owed() {
		if letters[0].Unsubscribe, err = t.parts.Links.For(unsubscribe.Reader{Owner: s.q.Owner, Address: s.to(reader.Email)}); err != nil {
			return letter.Letter{}, refuse(NoLink, err)
		}
	}
	return letters[0], nil
}

// to is whom the letter is to: the address asked for, else the reader's, else
// the sender's own.
func (s *subject) to(reader string) string {
	switch {
	case s.q.To != "":
		return s.q.To
	case reader != "":
		return reader
	}
	return s.settings.FromAddress
}

// place gives a mail the owner's name, and the zone and language of whoever
// reads it.
func (s *subject) place(m *render.Mail, acc *account.Account) {
	zone, ownerZone := m.Event.Data.Text("Account.TimeZone"), ""
	if s.snapshot.Owner != nil {
		m.OwnerName, ownerZone = s.snapshot.Owner.Name, s.snapshot.Owner.TimeZone
	}
	if acc != nil {
		zone = acc.TimeZone
		if m.Locale == "" {
			m.Locale = acc.Locale
		}
	}
	m.Zone = new(render.Zones).Zone(zone, ownerZone)
}

// event is the stored one, or an example that has all that the email uses.
func (t *Trials) event(ctx context.Context, q probe.MailQuestion, canned *email.Canned) (*event.Event, *probe.Refusal) {
	if q.EventSeq != 0 {
		ev, err := t.parts.Events.Get(ctx, q.EventSeq)
		if err != nil {
			return nil, refuse(EventUnknown, err)
		}
		if ev.Owner != q.Owner {
			return nil, refuse(EventUnknown, "the event is another owner's")
		}
		return ev, t.fit(canned, ev.Type)
	}
	ev := t.parts.Catalogue.Example(q.EventType)
	if ev == nil {
		return nil, refuse(TypeUnknown, "the catalogue has no event "+q.EventType)
	}
	ev.Owner = q.Owner
	return ev, t.fit(canned, ev.Type)
}

func (t *Trials) fit(canned *email.Canned, eventType string) *probe.Refusal {
	if p := setup.CheckEmail(t.parts.Catalogue, &canned.Spec, []string{eventType}); len(p) > 0 {
		return refuse(TypeUnfit, p)
	}
	return nil
}

// account is nil where the event concerns none that is known.
func (t *Trials) account(ctx context.Context, owner string, ev *event.Event) (*account.Account, error) {
	if ev.Account == "" {
		return nil, nil
	}
	acc, err := t.parts.Accounts.Get(ctx, owner, ev.Account)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return acc, err
}

// reader is who the Contact tokens speak of: the account's first contact that
// the email goes to, else the example of the catalogue.
func (t *Trials) reader(canned *email.Canned, acc *account.Account) *account.Contact {
	if acc != nil {
		for _, to := range canned.To {
			if c, ok := acc.Contact(to.ContactType); ok && to.ContactType != "" {
				return c
			}
		}
	}
	v := t.parts.Catalogue.ExampleContact()
	return &account.Contact{
		ID: v.Text("Contact.Id"), Type: v.Text("Contact.Type"), FirstName: v.Text("Contact.FirstName"), LastName: v.Text("Contact.LastName"),
		Title: v.Text("Contact.Title"), Company: v.Text("Contact.Company"), Email: v.Text("Contact.Email"), Phone: v.Text("Contact.Phone"),
		Address1: v.Text("Contact.Address1"), Address2: v.Text("Contact.Address2"), City: v.Text("Contact.City"),
		State: v.Text("Contact.State"), Zip: v.Text("Contact.Zip"), Country: v.Text("Contact.Country"),
	}
}

// shown is a letter as people read it.
func shown(e letter.Envelope, l letter.Letter) *probe.Letter {
	out := &probe.Letter{Text: l.Text, HTML: l.HTML, Size: len(e.Message)}
	head, _, _ := bytes.Cut(e.Message, []byte("\r\n\r\n"))
	parsed, err := mail.ReadMessage(bytes.NewReader(append(head, "\r\n\r\n"...)))
	if err != nil {
		return out // it was made a moment ago
	}
	var decoder mime.WordDecoder
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, _, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			continue
		}
		value := parsed.Header.Get(name)
		if decoded, err := decoder.DecodeHeader(value); err == nil {
			value = decoded
		}
		out.Header = append(out.Header, probe.Line{Name: name, Value: value})
	}
	return out
}
