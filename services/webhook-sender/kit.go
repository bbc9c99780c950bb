package webhooksender

import (
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/streams/topology"
)

// Needs says what the service takes from a kit.
func Needs() kit.Needs {
	return kit.Needs{Buckets: []string{topology.Owners, topology.Endpoints, topology.Subscriptions, topology.Controls}, Secrets: true}
}

// FromKit returns the service on the parts of a kit.
func FromKit(cfg Config, k *kit.Kit) (*Service, error) {
	return New(cfg, Deps{
		JetStream: k.JetStream, Directory: k.Directory, Catalogue: k.Catalogue, Sealer: k.Sealer,
		Policy: k.Web, Roots: k.Roots, Partitions: k.Partitions, Notices: k.Notices(), Instance: k.Instance,
		Logger: k.Log, Now: k.Now, Rand: k.Rand, Fault: k.Fault,
	})
}
