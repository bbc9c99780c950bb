package mailer

import (
	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/trial"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/carrier"
	"github.com/billhook/billhook/streams/probe"
)

// shown is how many canned emails are kept compiled for those who look at them.
const shown = 100

// answerer shows canned emails and tries SMTP settings for whoever asks.
func (s *Service) answerer() carrier.Answerer {
	d := s.deps
	trials := trial.New(trial.Parts{
		Directory: d.Directory, Accounts: d.Accounts, Events: s.events, Catalogue: d.Catalogue,
		Renderer: render.New(d.Catalogue, shown), Identities: identity.NewBook(d.Sealer), Links: s.links,
		Connections: s.connections(), Now: d.Now, Rand: d.Rand,
	})
	return &probe.Answerer[probe.MailQuestion, probe.MailReport]{
		Channel: delivery.Email, Try: trials.Try, Refuse: probe.RefuseMail, Log: d.Logger,
	}
}
