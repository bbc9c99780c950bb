package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/store"
)

func replayCommand(w World) *cobra.Command {
	r := replay{world: w}
	cmd := &cobra.Command{
		Use:   "replay <subscription id>",
		Short: "Deliver everything again from an event on",
		Long: "Deliver everything again that a subscription wants, from an event on. One in order goes back to there. For one without\n" +
			"order the events are counted first, and delivered with --yes only, each with the webhook-id that it had.",
		Example: "  billhook replay invoices-in-order --owner acme --from 2026-11-01T00:00:00Z",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.at.Subscription = args[0]
			var err error
			if r.from, err = control.ParseFrom(r.text); err != nil {
				return err
			}
			return withStore(cmd, w, func(on *session, s *store.Store) error { return r.run(cmd.Context(), on, s) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.at.Owner, "owner", "", "owner of the subscription (required)")
	f.StringVar(&r.text, "from", "", "sequence of EVENTS (billhook-sequence of a delivery), moment in RFC 3339, or beginning (required)")
	f.BoolVar(&r.yes, "yes", false, "deliver what was counted; not asked for where there is an order")
	_ = cmd.MarkFlagRequired("owner")
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

// replay is what is asked for.
type replay struct {
	world World
	at    control.Place
	text  string
	from  control.From
	yes   bool
}

func (r *replay) run(ctx context.Context, on *session, s *store.Store) error {
	sub, err := s.Subscription(ctx, r.at)
	if err == nil && !sub.LastOrder().InOrder() {
		found, err := s.Backfill(ctx, r.at, r.from)
		if err != nil {
			return err
		}
		deed := store.Deed{Owner: r.at.Owner, Verb: "replay", Resource: access.Subscriptions, ID: r.at.Subscription}
		return sendAgain(ctx, r.world, again{on, found, r.yes, deed})
	}
	// One that was deleted may still have a line.
	if _, err := s.Replay(ctx, r.at, r.from); err != nil {
		return err
	}
	fmt.Fprintf(r.world.Out, "subscription %s/%s delivers again\n", r.at.Owner, r.at.Subscription)
	return nil
}
