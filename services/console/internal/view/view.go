package view

import (
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/plan"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/tokens"
)

// Deps are what the views read with.
type Deps struct {
	JetStream jetstream.JetStream
	Store     *store.Store
	Directory *directory.Directory
	Catalogue *tokens.Catalogue
	Plans     *plan.Desk
	Now       func() time.Time
	// Events is where events are published, Queues where queues are read.
	Events, Queues api.Elsewhere
}

const ofOwner = "/v1/owners/{owner}"

// Routes returns every operation that is not one of a resource's own.
func Routes(d Deps) []api.Route {
	return slices.Concat(
		owners(d), events(d), queues(d), deliveries(d), resends(d), parkedLetters(d), schedules(d), keys(d), endpointControls(d), endpointTests(d),
		subscriptionControls(d), smtpControls(d), mailTests(d), suppressions(d), manifests(d), catalogue(d), audits(d),
	)
}
