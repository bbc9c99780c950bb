package queue

import (
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/streams/topology"
)

// Needs says what the service takes from a kit.
func Needs() kit.Needs {
	return kit.Needs{Buckets: []string{topology.Owners, topology.Queues}, Keys: true}
}

// FromKit returns the service on the parts of a kit.
func FromKit(cfg Config, k *kit.Kit) (*Service, error) {
	return New(cfg, Deps{
		JetStream: k.JetStream, Catalogue: k.Catalogue, Directory: k.Directory, Callers: k.Callers,
		Logger: k.Log, Now: k.Now, Rand: k.Rand, Partitions: k.Partitions, Notices: k.Notices(), Fault: k.Fault,
	})
}
