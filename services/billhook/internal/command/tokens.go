package command

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// tokensCommand shows what may be used where.
func tokensCommand(World) *cobra.Command {
	var channel string
	cmd := &cobra.Command{
		Use:     "tokens [event type]",
		Short:   "List the event types, or the tokens that an event offers",
		Example: "  billhook tokens\n  billhook tokens invoice.posted --channel email",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := tokens.Load()
			if err != nil {
				return err
			}
			if !slices.Contains(delivery.Channels(), delivery.Channel(channel)) {
				return fault.Problems{{Pointer: "/channel", Rule: "channel.unknown", Detail: fault.OneOf(delivery.Channels()...)}}
			}
			if len(args) == 0 {
				return listEvents(cmd, c)
			}
			return listTokens(cmd, c, args[0], delivery.Channel(channel))
		},
	}
	cmd.Flags().StringVar(&channel, "channel", string(delivery.Webhook), "webhook or email")
	return cmd
}

func listEvents(cmd *cobra.Command, c *tokens.Catalogue) error {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, e := range c.Events() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", e.Type, e.Name, e.Context)
	}
	return t.Flush()
}

func listTokens(cmd *cobra.Command, c *tokens.Catalogue, eventType string, ch delivery.Channel) error {
	if _, ok := c.Event(eventType); !ok {
		return fault.Problems{{Pointer: "event type", Rule: "event.unknown",
			Detail: fmt.Sprintf("there is no event %q; \"billhook tokens\" lists them", eventType)}}
	}
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, tok := range c.Available(eventType, ch) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", tok.Name, tok.Type, tok.Description)
	}
	return t.Flush()
}
