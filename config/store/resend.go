package store

import (
	"context"
	"fmt"

	"github.com/billhook/billhook/streams/resend"
)

// Resend has a selection sent again, and keeps on record before that it was
// asked for; see [resend.Ask]. The deed says how many, where it is not one.
func (s *Store) Resend(ctx context.Context, d Deed, found resend.Selection, progress func(resend.Tally)) (resend.Tally, error) {
	if len(found.Items) != 1 {
		d.Detail = fmt.Sprintf("%d deliveries", len(found.Items))
	}
	if err := s.Record(ctx, d); err != nil {
		return resend.Tally{}, err
	}
	return resend.Ask(ctx, s.deps.JetStream, found, progress)
}
