package directory

import (
	"iter"
	"sync/atomic"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/listing"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/subscription"
)

// sorted has the things of one map in each order that was asked for. An order is
// made when it is first asked for, and then handed on from snapshot to snapshot,
// so that a service that lists nothing pays nothing.
type sorted[T any] struct {
	orders [2]atomic.Pointer[listing.Listing[T]]
}

// in returns the listing of an order; things are all there are.
func (s *sorted[T]) in(order listing.Order, things iter.Seq[listing.Entry[T]]) *listing.Listing[T] {
	if s == nil { // a snapshot of nothing
		return listing.Of(order, things)
	}
	if l := s.orders[order].Load(); l != nil {
		return l
	}
	l := listing.Of(order, things)
	s.orders[order].Store(l)
	return l
}

// replaced returns what s becomes by a change of one thing.
func (s *sorted[T]) replaced(gone, come *listing.Entry[T]) *sorted[T] {
	next := &sorted[T]{}
	for i := range s.orders {
		if l := s.orders[i].Load(); l != nil {
			next.orders[i].Store(l.Replace(gone, come))
		}
	}
	return next
}

// lists are the things of a snapshot that may be many.
type lists struct {
	emails        *sorted[email.Canned]
	endpoints     *sorted[endpoint.Endpoint]
	subscriptions *sorted[subscription.Subscription]
	queues        *sorted[queue.Queue]
}

func newLists() lists {
	return lists{&sorted[email.Canned]{}, &sorted[endpoint.Endpoint]{}, &sorted[subscription.Subscription]{}, &sorted[queue.Queue]{}}
}

// ListEmails returns the canned emails in an order.
func (s *Snapshot) ListEmails(order listing.Order) *listing.Listing[email.Canned] {
	return s.lists.emails.in(order, entries(s.Emails, emailName))
}

// ListEndpoints returns the endpoints in an order.
func (s *Snapshot) ListEndpoints(order listing.Order) *listing.Listing[endpoint.Endpoint] {
	return s.lists.endpoints.in(order, entries(s.Endpoints, endpointName))
}

// ListSubscriptions returns the subscriptions in an order, deleted ones too.
func (s *Snapshot) ListSubscriptions(order listing.Order) *listing.Listing[subscription.Subscription] {
	return s.lists.subscriptions.in(order, entries(s.Subscriptions, subscriptionName))
}

// ListQueues returns the queues in an order.
func (s *Snapshot) ListQueues(order listing.Order) *listing.Listing[queue.Queue] {
	return s.lists.queues.in(order, entries(s.Queues, queueName))
}

func emailName(e *email.Canned) string                     { return e.Name }
func endpointName(e *endpoint.Endpoint) string             { return e.Name }
func subscriptionName(s *subscription.Subscription) string { return s.Name }
func queueName(q *queue.Queue) string                      { return q.Name }

// entries are the things of a map in no order.
func entries[T any](things map[string]*T, name func(*T) string) iter.Seq[listing.Entry[T]] {
	return func(yield func(listing.Entry[T]) bool) {
		for id, v := range things {
			if !yield(listing.Entry[T]{ID: id, Name: name(v), Value: v}) {
				return
			}
		}
	}
}

// entry is one thing of a map, nil where there is none.
func entry[T any](things map[string]*T, id string, name func(*T) string) *listing.Entry[T] {
	v, ok := things[id]
	if !ok {
		return nil
	}
	return &listing.Entry[T]{ID: id, Name: name(v), Value: v}
}
