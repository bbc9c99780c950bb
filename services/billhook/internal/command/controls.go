package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
)

// controlCommands are what operators ask of an ordered subscription while it
// runs.
func controlCommands(w World) []*cobra.Command {
	pause := controlCommand(w, asking{
		use: "pause", short: "Have an ordered subscription begin nothing new", said: "pauses",
		ask: (*store.Store).Pause,
	})
	resume := controlCommand(w, asking{
		use: "resume", short: "Have a paused subscription go on where it stopped", said: "goes on",
		ask: (*store.Store).Resume,
	})
	return []*cobra.Command{pause, resume, skipCommand(w), replayCommand(w)}
}

// asking is one thing that is asked of a subscription.
type asking struct {
	use, short, said string
	ask              func(*store.Store, context.Context, control.Place) (setup.Change, error)
}

// controlCommand makes the command that asks.
func controlCommand(w World, a asking) *cobra.Command {
	var at control.Place
	cmd := &cobra.Command{
		Use:     a.use + " <subscription id>",
		Short:   a.short,
		Example: "  billhook " + a.use + " invoices-in-order --owner acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at.Subscription = args[0]
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				change, err := a.ask(s, cmd.Context(), at)
				if err != nil {
					return err
				}
				said := a.said
				if change.Action == setup.Unchanged {
					said = "is asked for that already"
				}
				fmt.Fprintf(w.Out, "subscription %s/%s %s\n", at.Owner, at.Subscription, said)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&at.Owner, "owner", "", "owner of the subscription (required)")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

func skipCommand(w World) *cobra.Command {
	var which control.Skip
	cmd := controlCommand(w, asking{
		use: "skip", short: "Give up the failed delivery that holds up an ordered subscription", said: "skips it",
		ask: func(s *store.Store, ctx context.Context, at control.Place) (setup.Change, error) {
			return s.Skip(ctx, at, which)
		},
	})
	cmd.Long = "Give up the failed delivery that holds up an ordered subscription, once: the one of --account where it is ordered\n" +
		"by account, or the one of --delivery. An account that nothing holds up is refused, with those that are held up. What holds\n" +
		"up nothing any more when the skip is applied is left alone."
	cmd.Flags().StringVar(&which.Account, "account", "", "account whose line is held up")
	cmd.Flags().StringVar(&which.Delivery, "delivery", "", "id of the delivery, dlv_…")
	return cmd
}
