package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/outcomes"
)

// deliveriesCommand shows the log of deliveries.
func deliveriesCommand(w World) *cobra.Command {
	asked := queryFlags{since: "1h"}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "deliveries [delivery id]",
		Short: "Show what became of deliveries, or every attempt of one",
		Long: "Show the newest outcome of each delivery of an owner, oldest first; with the id of a delivery (webhook-id), every\n" +
			"attempt of it.",
		Example: "  billhook deliveries --owner acme --result parked --since 24h",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := asked.read(time.Now())
			if err != nil {
				return err
			}
			read := outcomes.Newest
			if len(args) == 1 {
				q.Delivery, read = args[0], outcomes.Attempts
				if !cmd.Flags().Changed("since") {
					q.Since = time.Time{}
				}
			}
			return withOwner(cmd, w, q.Owner, func(s *session) error {
				list, err := read(cmd.Context(), s.js, q)
				switch {
				case err != nil:
					return err
				case q.Delivery != "" && len(list) == 0:
					return fault.New(fault.NotFound, "find delivery", q.Delivery, errNoAttempt)
				}
				return printDeliveries(w.Out, list, asJSON)
			})
		},
	}
	f := cmd.Flags()
	asked.add(cmd)
	f.StringVar(&asked.query.Event, "event", "", "only of this event type, or of the event of this id")
	f.StringVar(&asked.result, "result", "", "only delivered, retrying, parked or skipped")
	f.BoolVar(&asJSON, "json", false, "print one JSON text for each")
	return cmd
}

// errNoAttempt says that the log has nothing of a delivery.
var errNoAttempt = errors.New("no attempt of it is on record, for this owner and within retention")

func printDeliveries(w io.Writer, list []outcomes.Entry, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		for i := range list {
			if err := out.Encode(&list[i].Outcome); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "AT\tDELIVERY\tSUBSCRIPTION\tEVENT\tACCOUNT\tATTEMPT\tRESULT\tREASON\tDETAIL")
	for i := range list {
		o := &list[i]
		ref := &o.Delivery
		fmt.Fprintf(t, "%s\t%s\t%s\t%s %s\t%s\t%d\t%s\t%s\t%s\n", o.At.UTC().Format(time.RFC3339), ref.ID, ref.Subscription,
			ref.EventType, ref.EventID, ref.Account, o.Attempt, o.Result, o.Reason, oneLine(o.Detail))
	}
	return t.Flush()
}

// oneLine makes text of servers fit for a terminal and a table.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
}
