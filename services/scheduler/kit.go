package scheduler

import (
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/streams/topology"
)

// Needs says what the scheduler takes from a kit.
func Needs() kit.Needs {
	return kit.Needs{Buckets: []string{topology.Owners, topology.Subscriptions}}
}

// FromKit returns the service on the parts of a kit.
func FromKit(cfg Config, k *kit.Kit) (*Service, error) {
	return New(cfg, Deps{
		JetStream: k.JetStream, Catalogue: k.Catalogue, Directory: k.Directory, Logger: k.Log,
		Now: k.Now, Instance: k.Instance, Fault: k.Fault,
	})
}
