// Package setup is all that one owner has configured, and the rules between
// its resources: what must exist, what is in use, which tokens are legal where.
// It is pure: it reads and writes nothing, so a whole set of changes can be
// judged before the first is made. It refuses to store; see store.
package setup

import (
	"encoding/json"
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// Setup is an owner's configuration, without its accounts, which are too many.
type Setup struct {
	// Owner is nil when it does not exist.
	Owner        *owner.Owner
	ContactTypes account.ContactTypes
	SMTP         smtp.Book
	Emails       map[string]*email.Canned
	Endpoints    map[string]*endpoint.Endpoint
	// Subscriptions holds deleted ones too, until nobody needs their history.
	Subscriptions map[string]*subscription.Subscription
	Queues        map[string]*queue.Queue
	// Controls are what operators ask of in-order subscriptions, by their ids.
	Controls map[string]*control.Control
}

// Put takes a stored value in: that of a key of one of the eight buckets. A nil
// value removes it. It never changes what the old value pointed to, so a copy
// of the Setup with its own maps keeps the old one.
func (s *Setup) Put(bucket, id string, value []byte) error {
	var err error
	switch bucket {
	case topology.Owners:
		s.Owner, err = parse[owner.Owner](value)
	case topology.ContactTypes:
		s.ContactTypes, err = whole[account.ContactTypes](value)
	case topology.SMTP:
		s.SMTP, err = whole[smtp.Book](value)
	case topology.Emails:
		err = put(&s.Emails, id, value)
	case topology.Endpoints:
		err = put(&s.Endpoints, id, value)
	case topology.Subscriptions:
		err = put(&s.Subscriptions, id, value)
	case topology.Queues:
		err = put(&s.Queues, id, value)
	case topology.Controls:
		err = put(&s.Controls, id, value)
	}
	if err != nil {
		return fault.New(fault.Internal, "decode "+bucket, id, err)
	}
	return nil
}

func parse[T any](value []byte) (*T, error) {
	if value == nil {
		return nil, nil
	}
	v := new(T)
	return v, json.Unmarshal(value, v)
}

func whole[T any](value []byte) (T, error) {
	v, err := parse[T](value)
	if v == nil {
		v = new(T)
	}
	return *v, err
}

func put[T any](m *map[string]*T, id string, value []byte) error {
	v, err := parse[T](value)
	if err != nil {
		return err
	}
	if v == nil {
		delete(*m, id)
		return nil
	}
	if *m == nil {
		*m = map[string]*T{}
	}
	(*m)[id] = v
	return nil
}

// Split parts a key into the owner and the id below it; the id is empty where
// the key is the owner's own.
func Split(key string) (owner, id string) {
	owner, id, _ = strings.Cut(key, ".")
	return owner, id
}

// Key joins what [Split] parts.
func Key(owner, id string) string {
	if id == "" {
		return owner
	}
	return owner + "." + id
}
