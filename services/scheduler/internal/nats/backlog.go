// Package nats is what the scheduler reads in NATS, and where it publishes.
// Plans and their timers are another package's: config/plan/stored.
package nats

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/topology"
)

// Backlog is what was accepted and not yet taken in by a cursor.
type Backlog struct {
	js   jetstream.JetStream
	name string
	// types are those of the events that the cursor reads.
	types []string
}

// NewBacklog returns the backlog of the cursor of that name, which reads events
// of these types. It makes no request.
func NewBacklog(js jetstream.JetStream, name string, types []string) *Backlog {
	return &Backlog{js: js, name: name, types: types}
}

// Read visits what an owner has there, with the partition of the owner.
func (b *Backlog) Read(ctx context.Context, part int, owner string, visit func(*cursor.Message) error) error {
	position, err := cursor.StoredPosition(ctx, b.js, b.name)
	if err != nil {
		return err
	}
	stretch := scan.Stretch{Stream: topology.Events, Filters: of(part, owner, b.types), After: position}
	return scan.Read(ctx, b.js, stretch, visit)
}
