package inbox

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/topology"
)

// CursorName is the name of the cursor of a partition.
func CursorName(part int) string { return "ingest." + strconv.Itoa(part) }

// Purge removes from INBOX what every partition's checkpoint has passed. It
// removes from the stream's beginning only: a partition's messages alone would
// leave holes, which cost the server more, and its beginning would run ahead
// of partitions where nothing happens, which looks like loss to their cursors.
func Purge(ctx context.Context, js jetstream.JetStream, partitions int) error {
	stream, err := js.Stream(ctx, topology.Inbox)
	if err != nil {
		return fmt.Errorf("purge INBOX: %w", err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 {
		return nil
	}
	passed := uint64(math.MaxUint64)
	for part := range partitions {
		position, err := cursor.StoredPosition(ctx, js, CursorName(part))
		if err != nil {
			return fmt.Errorf("purge INBOX: %w", err)
		}
		if passed = min(passed, position); passed < state.FirstSeq {
			return nil
		}
	}
	// The server keeps the sequence that is named.
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(passed+1)); err != nil {
		return fmt.Errorf("purge INBOX: %w", err)
	}
	return nil
}
