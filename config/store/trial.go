package store

import (
	"context"
	"encoding/hex"
	"io"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/probe"
)

// tested is the verb of a trial on record.
const tested = "test"

// TryEndpoint has a sender send an endpoint the example of an event, and keeps on
// record before that it was asked for. It waits for the report as long as ctx
// lasts; where no sender is there, the error is [probe.ErrNobody].
func (s *Store) TryEndpoint(ctx context.Context, q probe.Question) (probe.Report, error) {
	deed := Deed{Owner: q.Owner, Verb: tested, Resource: access.Endpoints, ID: q.Endpoint, Detail: q.EventType}
	if err := s.Record(ctx, deed); err != nil {
		return probe.Report{}, err
	}
	return ask[probe.Report](ctx, s, delivery.Webhook, q)
}

// TryMail has a mailer show a canned email or try SMTP settings, as
// [Store.TryEndpoint] does. What goes to no mail server is not on record.
func (s *Store) TryMail(ctx context.Context, q probe.MailQuestion) (probe.MailReport, error) {
	if q.Connect {
		if err := s.Record(ctx, mailDeed(q)); err != nil {
			return probe.MailReport{}, err
		}
	}
	return ask[probe.MailReport](ctx, s, delivery.Email, q)
}

// mailDeed is what is kept of it. The address that a letter is sent to is not.
func mailDeed(q probe.MailQuestion) Deed {
	d := Deed{Owner: q.Owner, Verb: tested, Resource: access.SMTPSettings, ID: q.SMTP, Detail: "connection"}
	if q.To != "" {
		d.Detail = "connection and message"
	}
	if q.Email != "" {
		d.Resource, d.ID = access.CannedEmails, q.Email
	}
	return d
}

// ask asks the senders of a channel under an id that nobody can guess.
func ask[R, Q any](ctx context.Context, s *Store, ch delivery.Channel, q Q) (R, error) {
	var id [16]byte
	if _, err := io.ReadFull(s.deps.Rand, id[:]); err != nil {
		var none R
		return none, fault.New(fault.Internal, "draw the id of a question to", string(ch), err)
	}
	return probe.Ask[R](ctx, probe.Asker{NATS: s.deps.JetStream.Conn(), Channel: ch}, hex.EncodeToString(id[:]), q)
}
