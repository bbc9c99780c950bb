package inbox

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Woken removes from INBOX what lies behind the checkpoint. A failure is
// logged and no more: the next time removes as much more.
func (h *Handler) Woken(ctx context.Context, s *cursor.Session) error {
	position := s.Position()
	if position <= h.purged {
		return nil
	}
	if err := s.Checkpoint(ctx); err != nil {
		return err
	}
	if err := h.purge(ctx, position); err != nil {
		h.deps.Logger.Warn().Err(err).Int("partition", h.part).Msg("could not purge INBOX")
		return nil
	}
	h.purged = position
	return nil
}

func (h *Handler) purge(ctx context.Context, position uint64) error {
	stream, err := h.deps.JS.Stream(ctx, topology.Inbox)
	if err != nil {
		return fmt.Errorf("purge partition %d: %w", h.part, err)
	}
	// The sequence itself is kept by the server, so name the next one.
	err = stream.Purge(ctx, jetstream.WithPurgeSubject(subject.InboxPart(h.part)), jetstream.WithPurgeSequence(position+1))
	if err != nil {
		return fmt.Errorf("purge partition %d: %w", h.part, err)
	}
	return nil
}
