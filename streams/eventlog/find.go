package eventlog

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

var errFound = errors.New("found")

// errUnknown says that no event of the log has an id: it cannot be told whether
// one ever had.
var errUnknown = errors.New("the owner has no event of this id, or no longer")

// Find returns the sequence of an owner's event, by its id. It reads the owner's
// events from the oldest on, so it is for people. The error is of kind NotFound
// where none has the id, or none any more.
func Find(ctx context.Context, js jetstream.JetStream, owner, id string) (uint64, error) {
	var seq uint64
	all := scan.Stretch{Stream: topology.Events, Filters: []string{subject.EventsOfOwner(owner, ">")}}
	err := scan.Read(ctx, js, all, func(m *cursor.Message) error {
		e, err := event.Decode(m.Data)
		if err != nil || e.ID != id {
			return nil // what cannot be read is not what is sought
		}
		seq = m.Seq
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
		return seq, nil
	case err != nil:
		return 0, err
	}
	return 0, fault.New(fault.NotFound, "find event", id, errUnknown)
}
