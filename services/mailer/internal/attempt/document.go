package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
)

// Await is how a document that is not there is waited for: it is looked for
// again after Pace, until Patience has passed since the first attempt.
type Await struct{ Pace, Patience time.Duration }

var errReplaced = errors.New("the document was replaced after a first attempt had carried it")

// seal returns the letter whose turn it is as it goes on the wire. absent says
// why its document is not there, where nothing may be sent without it for now.
func (m *Maker) seal(ctx context.Context, t *Task, who *identity.Identity) (e letter.Envelope, absent, err error) {
	l := t.Bag.Next()
	wrap := letter.Wrap{Signer: who.Signer}
	if t.Bag.Document != nil {
		if wrap.Files, absent, err = m.files(ctx, t); absent != nil || err != nil {
			return e, absent, err
		}
	}
	if t.sealed != nil && len(wrap.Files) == 0 {
		e = *t.sealed
	} else if e, err = letter.Seal(l.Content, wrap); err != nil {
		return e, nil, &Later{At: m.Now().Add(m.Policy.Pace), Err: err} // it was a mail when it was frozen
	}
	e.Recipients = l.Waiting
	return e, nil, nil
}

// files reads the document. Where it is not to be had, the letter goes without
// it if the subscription has it so and enough was waited; then there is none.
func (m *Maker) files(ctx context.Context, t *Task) (files []letter.File, absent, err error) {
	d := t.Bag.Document
	found, err := m.Documents.Get(ctx, t.Delivery.Owner, d.Key)
	switch {
	case err == nil && d.Digest != "" && found.Digest != d.Digest:
		absent = errReplaced
	case err == nil:
		d.Digest = found.Digest
		return []letter.File{{Name: d.Name, Type: found.Type, Data: found.Data}}, nil, nil
	case fault.KindOf(err) == fault.NotFound, fault.KindOf(err) == fault.Invalid:
		absent = err
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	default:
		return nil, nil, &Later{At: m.Now().Add(soon), Err: err}
	}
	if d.Needed || d.Awaited && m.mayCome(t, absent) {
		return nil, absent, nil
	}
	t.Bag.Document = nil
	if !d.Awaited {
		return nil, nil, nil
	}
	t.Logger(m.Log).Warn().Err(absent).Str("document", d.Key).Msg("letter sent without its document")
	return nil, nil, nil
}

// mayCome reports whether it is still waited for a document.
func (m *Maker) mayCome(t *Task, absent error) bool {
	first := t.First
	if first.IsZero() {
		first = m.Now()
	}
	return fault.KindOf(absent) == fault.NotFound && m.Now().Sub(first) < m.Await.Patience
}

// undocumented has a letter wait for its document.
func (m *Maker) undocumented(t *Task, o *delivery.Outcome, absent error) Made {
	return m.hinder(t, o, hindrance{reason: NoDocument, cause: absent, pace: m.Await.Pace, over: !m.mayCome(t, absent)})
}
