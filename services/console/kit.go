package console

import (
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/streams/topology"
)

// Needs says what the console takes from a kit.
func Needs() kit.Needs {
	return kit.Needs{
		Buckets: []string{
			topology.Owners, topology.ContactTypes, topology.SMTP, topology.Emails, topology.Endpoints, topology.Subscriptions,
			topology.Queues,
		},
		Secrets: true, Keys: true,
	}
}

// FromKit returns the service on the parts of a kit.
func FromKit(cfg Config, k *kit.Kit) (*Service, error) {
	return New(cfg, Deps{
		JetStream: k.JetStream, Catalogue: k.Catalogue, Directory: k.Directory, Store: k.Store(), Sealer: k.Sealer,
		Desk: k.Callers, Logger: k.Log, Now: k.Now, Rand: k.Rand,
	})
}
