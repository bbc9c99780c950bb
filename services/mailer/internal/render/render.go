// Package render writes the letters of one delivery: the templates of a canned
// email filled with the values of an event, once for each contact written to.
// Templates are checked when they are first met and kept compiled. It refuses
// to choose whom to write to; see addressing.
package render

import (
	"fmt"
	"strconv"
	"time"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// Mail is what the letters of one delivery have in common.
type Mail struct {
	// Delivery is the delivery's id; with the number of a letter it makes the
	// letter's key.
	Delivery string
	// Owner is the id of the tenant, OwnerName its name for people.
	Owner, OwnerName string
	Canned           *email.Canned
	Event            *event.Event
	// From is the sender that the SMTP settings name. What the canned email
	// says of its sender comes first.
	From letter.Address
	// Locale is the language of whoever reads it; empty is that of the canned
	// email itself.
	Locale string
	// Sender is the envelope's sender and ReplyTo where answers go; each may be
	// empty.
	Sender, ReplyTo string
	// Zone is the zone that moments are shown in, Now the moment of the first
	// rendering: that of the Current tokens, and the Date of the letters.
	Zone *time.Location
	Now  time.Time
}

// Renderer renders letters. It may be used by many goroutines.
type Renderer struct {
	Zones

	catalogue *tokens.Catalogue
	cache     *cache
}

// New returns a renderer that keeps up to keep canned emails compiled.
func New(catalogue *tokens.Catalogue, keep int) *Renderer {
	return &Renderer{catalogue: catalogue, cache: newCache(keep)}
}

// Letters returns a letter for each of the plan, in the plan's order. The same
// mail and plan always give the same letters. The error wraps [ErrBroken] when
// a template breaks a rule; every other one is of kind Invalid and says that
// these values cannot be rendered.
func (r *Renderer) Letters(m Mail, plan []addressing.Letter) ([]letter.Letter, error) {
	t, err := r.templates(m)
	if err != nil {
		return nil, fmt.Errorf("render email %s: %w: %w", m.Canned.ID, ErrBroken, err)
	}
	out := make([]letter.Letter, len(plan))
	for i := range plan {
		if out[i], err = r.letter(m, t, &plan[i]); err != nil {
			return nil, fault.New(fault.Invalid, "render email", m.Canned.ID, err)
		}
		out[i].Key = m.Delivery + "/" + strconv.Itoa(i+1)
	}
	return out, nil
}

func (r *Renderer) letter(m Mail, t *templates, a *addressing.Letter) (letter.Letter, error) {
	frame := tokens.Frame{OwnerName: m.OwnerName, Zone: m.Zone, Now: m.Now, Contact: contact(a.Contact)}
	values := r.catalogue.Values(m.Event, frame)
	l := letter.Letter{Date: m.Now, From: sender(m), Sender: m.Sender, ReplyTo: m.ReplyTo, To: a.To, CC: a.CC, BCC: a.BCC}
	for _, part := range []struct {
		template *tokens.Template
		to       *string
	}{{t.subject, &l.Subject}, {t.html, &l.HTML}, {t.text, &l.Text}} {
		if part.template == nil {
			continue
		}
		s, err := part.template.Render(values)
		if err != nil {
			return letter.Letter{}, err
		}
		*part.to = s
	}
	if t.text == nil {
		l.Text = plain(l.HTML)
	}
	return l, nil
}

func contact(c *account.Contact) event.Values {
	if c == nil {
		return nil
	}
	return c.Values()
}

// sender is the SMTP settings' sender, overridden by the canned email field by
// field.
func sender(m Mail) letter.Address {
	from := m.From
	if m.Canned.From.Name != "" {
		from.Name = m.Canned.From.Name
	}
	if m.Canned.From.Address != "" {
		from.Addr = m.Canned.From.Address
	}
	return from
}
