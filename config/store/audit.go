package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/topology"
)

// As returns the store for one who is to be on record: every change made by it
// is kept in AUDIT as that one's, and is not made where that cannot be kept.
func (s *Store) As(actor audit.Actor) *Store {
	as := *s
	as.actor = actor
	return &as
}

// Deed is what is done for an owner that is no change of its configuration,
// such as a resend.
type Deed struct {
	Owner    string
	Verb     string
	Resource access.Resource
	// ID is empty where it is about more than one.
	ID     string
	Detail string
}

// Record keeps a deed. It is to be called before the deed, which must not be
// done when this fails.
func (s *Store) Record(ctx context.Context, d Deed) error { return s.keep(ctx, d, audit.Entry{}) }

// keep keeps a deed with the marks of an entry.
func (s *Store) keep(ctx context.Context, d Deed, e audit.Entry) error {
	e.At, e.Owner, e.Actor = s.deps.Now().UTC(), d.Owner, s.actor
	e.Verb, e.Resource, e.ID, e.Detail = d.Verb, string(d.Resource), d.ID, d.Detail
	return audit.Deed(ctx, s.deps.JetStream, &e)
}

// entry is what is kept of a judged change.
func (s *Store) entry(j job, c *setup.Change) (*audit.Entry, error) {
	e := &audit.Entry{
		At: s.deps.Now().UTC(), Owner: j.record(), Actor: s.actor, Secrets: c.Secrets,
		Verb: cmp.Or(j.verb, string(verbOf(c.Action))), Resource: string(resourceOf(c.Bucket)), ID: j.id,
	}
	if j.contact != "" {
		e.Resource, e.ID = string(access.Contacts), j.id+"/"+j.contact
	}
	place := secret.Place{Bucket: c.Bucket, Key: c.Key, Field: e.ID}
	var err error
	if e.Before, err = s.mark(place, c.Before); err != nil {
		return nil, err
	}
	e.After, err = s.mark(place, c.After)
	return e, err
}

func verbOf(a setup.Action) access.Verb {
	switch a {
	case setup.Created:
		return access.Create
	case setup.Deleted:
		return access.Delete
	default:
		return access.Change
	}
}

// resourceOf is what is kept in a bucket.
func resourceOf(bucket string) access.Resource {
	switch bucket {
	case topology.Owners:
		return access.Owners
	case topology.Accounts:
		return access.Accounts
	case topology.ContactTypes:
		return access.ContactTypes
	case topology.SMTP:
		return access.SMTPSettings
	case topology.Emails:
		return access.CannedEmails
	case topology.Endpoints:
		return access.Endpoints
	case topology.Queues:
		return access.Queues
	case topology.APIKeys:
		return access.APIKeys
	default: // what is asked of them as well
		return access.Subscriptions
	}
}

// mark is that of a document in one form, whatever the order of its members;
// empty where there is none.
func (s *Store) mark(place secret.Place, document any) (string, error) {
	if document == nil {
		return "", nil
	}
	text, err := json.Marshal(document)
	if err == nil {
		var members any
		in := json.NewDecoder(bytes.NewReader(text))
		in.UseNumber()
		if err = in.Decode(&members); err == nil {
			text, err = json.Marshal(members)
		}
	}
	if err != nil {
		return "", fault.New(fault.Internal, "hash document", place.String(), err)
	}
	return s.deps.Sealer.Mark(place, text)
}
