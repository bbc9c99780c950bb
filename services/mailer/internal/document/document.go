// Package document reads the documents that letters carry, such as invoices,
// from the object store of their owner, where the platform puts them. It only
// reads.
package document

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/bag"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// Document is a document as it is at the moment.
type Document struct {
	// Type is its media type.
	Type string
	// Digest names the bytes.
	Digest string
	Data   []byte
}

// ErrTooLarge says that a document is larger than what mails may carry.
var ErrTooLarge = errors.New("the document is too large for a mail")

// Shelf reads documents of every owner.
type Shelf struct {
	js   jetstream.JetStream
	most int

	mu     sync.Mutex
	stores map[string]jetstream.ObjectStore // by owner
}

// NewShelf returns a shelf that gives documents of up to most bytes.
func NewShelf(js jetstream.JetStream, most int) *Shelf {
	return &Shelf{js: js, most: most, stores: map[string]jetstream.ObjectStore{}}
}

// timeout bounds reading one document: what is lost with a connection is never
// answered.
const timeout = 30 * time.Second

// pdf is the media type of a document that names none.
const pdf = "application/pdf"

// Get reads a document of an owner. The error is of kind NotFound where there
// is none, Invalid ([ErrTooLarge]) where it is too large, Unavailable
// otherwise.
func (s *Shelf) Get(ctx context.Context, owner, key string) (*Document, error) {
	const op = "read document"
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	store, err := s.store(ctx, owner)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fault.New(fault.NotFound, op, key, err)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, key, err)
	}
	found, err := store.Get(ctx, key)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fault.New(fault.NotFound, op, key, err)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, key, err)
	}
	defer func() { _ = found.Close() }()
	info, err := found.Info()
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, key, err)
	}
	if info.Size > uint64(s.most) {
		return nil, fault.New(fault.Invalid, op, key, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, info.Size, s.most))
	}
	// The reader checks the digest at the end.
	data, err := io.ReadAll(io.LimitReader(found, int64(s.most)+1))
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, key, err)
	}
	return &Document{Type: cmp.Or(info.Headers.Get("Content-Type"), pdf), Digest: info.Digest, Data: data}, nil
}

// store opens the object store of an owner; it is opened once.
func (s *Shelf) store(ctx context.Context, owner string) (jetstream.ObjectStore, error) {
	s.mu.Lock()
	known := s.stores[owner]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	opened, err := s.js.ObjectStore(ctx, topology.DocumentsOf(owner))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stores[owner] = opened
	return opened, nil
}

// Of returns the document that belongs to an event, nil where it has none or
// the subscription wants none.
func Of(ev *event.Event, wish subscription.Document) *bag.Document {
	if wish == subscription.NoDocument {
		return nil
	}
	for _, kind := range []struct{ id, number, folder string }{
		{"Invoice.Id", "Invoice.Number", topology.InvoiceDocuments},
		{"CreditNote.Id", "CreditNote.Number", topology.CreditNoteDocuments},
	} {
		id := ev.Data.Text(kind.id)
		if id == "" {
			continue
		}
		return &bag.Document{
			Key: topology.DocumentKey(kind.folder, id), Name: cmp.Or(ev.Data.Text(kind.number), id) + ".pdf",
			Awaited: wish == subscription.AwaitDocument || wish == subscription.RequireDocument,
			Needed:  wish == subscription.RequireDocument,
		}
	}
	return nil
}
