package command

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/parked"
	"github.com/billhook/billhook/streams/resend"
)

// deadLetter is a parked delivery as it is printed.
type deadLetter struct {
	Delivery delivery.Reference `json:"delivery"`
	Channel  delivery.Channel   `json:"channel"`
	Target   string             `json:"target,omitempty"`
	Attempt  int                `json:"attempt"`
	Reason   string             `json:"reason"`
	ParkedAt time.Time          `json:"parked_at"`
	// Kept says whether what would be sent is kept, byte for byte.
	Kept bool `json:"kept"`
	// Now is what became of it last.
	Now delivery.Result `json:"now"`
}

// parkedCommand lists dead letters.
func parkedCommand(w World) *cobra.Command {
	var asked queryFlags
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:     "parked",
		Short:   "List the deliveries that were given up",
		Long:    "List the deliveries of an owner that were given up, oldest first; with --all, those too that were sent again since.",
		Example: "  billhook parked --owner acme --reason status_503 --since 24h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := asked.read(time.Now())
			if err != nil {
				return err
			}
			return withOwner(cmd, w, q.Owner, func(s *session) error {
				list, err := parked.List(cmd.Context(), s.js, parked.Query{
					Owner: q.Owner, Subscription: q.Subscription, Channel: q.Channel, Target: q.Target, Reason: q.Reason,
					Account: q.Account, Since: q.Since, Until: q.Until,
				})
				if err != nil {
					return err
				}
				since, err := resend.Since(cmd.Context(), s.js, list)
				if err != nil {
					return err
				}
				return printParked(w.Out, letters(list, since, all), asJSON)
			})
		},
	}
	asked.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also those that were sent again since")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON text for each")
	return cmd
}

// letters joins what is parked with what became of it since.
func letters(list []parked.Letter, since map[string]outcomes.Entry, all bool) []deadLetter {
	var out []deadLetter
	for i := range list {
		l := &list[i]
		d := deadLetter{
			Delivery: l.Delivery, Channel: l.Channel, Target: l.Target, Attempt: l.Attempt, Reason: l.Reason,
			ParkedAt: l.Stored, Kept: l.Frozen, Now: delivery.Parked,
		}
		if now, ok := since[l.Delivery.ID]; ok {
			d.Now = now.Result
		}
		if all || d.Now == delivery.Parked {
			out = append(out, d)
		}
	}
	return out
}

func printParked(w io.Writer, list []deadLetter, asJSON bool) error {
	if asJSON {
		return printJSON(w, list)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PARKED\tDELIVERY\tSUBSCRIPTION\tTARGET\tEVENT\tACCOUNT\tATTEMPT\tREASON\tNOW")
	for i := range list {
		l := &list[i]
		ref := &l.Delivery
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s %s\t%s\t%d\t%s\t%s\n", l.ParkedAt.UTC().Format(time.RFC3339), ref.ID, ref.Subscription,
			l.Target, ref.EventType, ref.EventID, ref.Account, l.Attempt, l.Reason, l.Now)
	}
	return t.Flush()
}
