package ingest

import (
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/streams/topology"
)

// Needs says what ingest takes from a kit.
func Needs() kit.Needs {
	return kit.Needs{Buckets: []string{topology.Owners}, Accounts: true, Keys: true}
}

// FromKit returns the service on the parts of a kit.
func FromKit(cfg Config, k *kit.Kit) (*Service, error) {
	return New(cfg, Deps{
		JetStream: k.JetStream, Catalogue: k.Catalogue, Directory: k.Directory, Accounts: k.Accounts, Callers: k.Callers,
		Logger: k.Log, Now: k.Now, Instance: k.Instance, Partitions: k.Partitions, Notices: k.Notices(), Fault: k.Fault,
	})
}
