package cursor

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// StoredPosition returns the position in the checkpoint of the cursor of that
// name, the least one where keys lag, 0 when there is none. Whoever holds the
// cursor, now or later, reads nothing at or before it again: it may be purged.
func StoredPosition(ctx context.Context, js jetstream.JetStream, name string) (uint64, error) {
	m, _, err := shelf{js, name}.load(ctx)
	oldest := m.Position
	for _, at := range m.Lanes {
		oldest = min(oldest, at.Position)
	}
	return oldest, err
}
