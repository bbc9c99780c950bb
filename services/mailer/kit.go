package mailer

import (
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/streams/topology"
)

// Needs says what the mailer takes from a kit.
func Needs() kit.Needs {
	return kit.Needs{
		Buckets: []string{topology.Owners, topology.SMTP, topology.Emails, topology.Subscriptions, topology.ContactTypes, topology.Controls},
		Secrets: true, Accounts: true,
	}
}

// FromKit returns the service on the parts of a kit.
func FromKit(cfg Config, k *kit.Kit) (*Service, error) {
	return New(cfg, Deps{
		JetStream: k.JetStream, Directory: k.Directory, Accounts: k.Accounts, Catalogue: k.Catalogue, Sealer: k.Sealer,
		Policy: k.Mail, Roots: k.Roots, Partitions: k.Partitions, Notices: k.Notices(), Instance: k.Instance,
		Logger: k.Log, Now: k.Now, Rand: k.Rand, Fault: k.Fault,
	})
}
