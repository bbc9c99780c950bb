package mailer

import (
	"context"

	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/trial"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/probe"
)

// shown is how many canned emails are kept compiled for those who look at them.
const shown = 100

// answer shows canned emails and tries SMTP settings for whoever asks.
func (s *Service) answer(ctx context.Context, events *eventlog.Reader, ready func()) {
	d := s.deps
	trials := trial.New(trial.Parts{
		Directory: d.Directory, Accounts: d.Accounts, Events: events, Catalogue: d.Catalogue,
		Renderer: render.New(d.Catalogue, shown), Identities: identity.NewBook(d.Sealer), Links: s.links,
		Connections: s.connections(), Now: d.Now, Rand: d.Rand,
	})
	answerer := probe.Answerer[probe.MailQuestion, probe.MailReport]{
		Channel: delivery.Email, Try: trials.Try, Refuse: probe.RefuseMail, Log: d.Logger,
	}
	answerer.Serve(ctx, d.JetStream.Conn(), ready)
}
