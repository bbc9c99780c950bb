package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/resend"
)

// errNoMatch says that nothing is there to be sent again.
var errNoMatch = errors.New("nothing matches")

// errUnsure says that a count was asked for and no more.
var errUnsure = errors.New("nothing was sent; add --yes to send them again")

// resendCommand sends deliveries again.
func resendCommand(w World) *cobra.Command {
	asked := queryFlags{result: string(delivery.Parked)}
	var yes bool
	cmd := &cobra.Command{
		Use:   "resend [delivery id]",
		Short: "Send a delivery again, or those that match",
		Long: "Send one delivery again, whatever became of it; or, without an id, those that match. Those are counted first, and\n" +
			"sent with --yes only. A resend has the webhook-id and the bytes of before; its attempt follows the last one. Given\n" +
			"twice, the command sends what waits to be sent again once.",
		Example: "  billhook resend dlv_knbqfg3hgkoyuhmb4bksbbjrqe --owner acme\n" +
			"  billhook resend --owner acme --endpoint crm --since 2026-11-24T18:00:00Z --yes",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := asked.read(time.Now())
			if err == nil && len(args) == 1 {
				err = alone(cmd)
			}
			if err != nil {
				return err
			}
			return withOwner(cmd, w, q.Owner, func(s *session) error {
				if len(args) == 1 {
					return resendOne(cmd.Context(), w, one{s, q.Owner, args[0]})
				}
				found, err := resend.Matching(cmd.Context(), s.js, q)
				if err != nil {
					return err
				}
				return sendAgain(cmd.Context(), w, again{s, found, yes, store.Deed{Owner: q.Owner, Verb: "resend", Resource: access.Deliveries}})
			})
		},
	}
	f := cmd.Flags()
	asked.add(cmd)
	f.StringVar(&asked.query.Event, "event", "", "only of this event type, or of the event of this id")
	f.StringVar(&asked.result, "result", asked.result, "what became of them last: delivered, retrying, parked or skipped")
	f.BoolVar(&yes, "yes", false, "send them; without it they are counted")
	return cmd
}

// alone refuses what narrows down where one delivery is named.
func alone(cmd *cobra.Command) error {
	var problems fault.Problems
	for _, name := range []string{"channel", "subscription", "endpoint", "account", "reason", "event", "result", "since", "until"} {
		if cmd.Flags().Changed(name) {
			problems = append(problems, fault.Problem{Pointer: "/" + name, Rule: "resend.both", Detail: "name one delivery or say which match, not both"})
		}
	}
	return problems.Or()
}

// one is a delivery that is named.
type one struct {
	on        *session
	owner, id string
}

func resendOne(ctx context.Context, w World, o one) error {
	found, err := resend.One(ctx, o.on.js, o.owner, o.id)
	if err != nil {
		return err
	}
	deed := store.Deed{Owner: o.owner, Verb: "resend", Resource: access.Deliveries, ID: o.id}
	tally, err := o.on.recorder().Resend(ctx, deed, found, func(resend.Tally) {})
	if err != nil {
		return err
	}
	if tally.Asked == 0 {
		fmt.Fprintf(w.Out, "%s waits to be sent again already\n", o.id)
		return nil
	}
	fmt.Fprintf(w.Out, "%s is sent again, as attempt %d\n", o.id, found.Items[0].Attempt+1)
	return nil
}

// again is what may be sent again.
type again struct {
	on    *session
	found resend.Selection
	yes   bool
	// deed is what is kept of it.
	deed store.Deed
}

// sendAgain shows what was found, and sends it where that was meant.
func sendAgain(ctx context.Context, w World, a again) error {
	if n := a.found.UnderWay; n > 0 {
		fmt.Fprintf(w.Err, "%d more match and are under way: their ordered subscription still tries them, or the mailer sends them\n", n)
	}
	total := len(a.found.Items)
	if total == 0 {
		return fault.New(fault.NotFound, "send again", "", errNoMatch)
	}
	if err := printCounts(w.Out, &a.found); err != nil {
		return err
	}
	if !a.yes {
		return errUnsure
	}
	step := max(100, total/20)
	tally, err := a.on.recorder().Resend(ctx, a.deed, a.found, func(t resend.Tally) {
		if n := t.Asked + t.Pending; n%step == 0 && n < total {
			fmt.Fprintf(w.Err, "%d of %d\n", n, total)
		}
	})
	fmt.Fprintf(w.Out, "%d are sent again", tally.Asked)
	if tally.Pending > 0 {
		fmt.Fprintf(w.Out, ", %d waited for that already", tally.Pending)
	}
	fmt.Fprintln(w.Out)
	return err
}

func printCounts(w io.Writer, found *resend.Selection) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COUNT\tSUBSCRIPTION\tTARGET\tRESULT\tREASON")
	for _, c := range found.Counts() {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", c.Count, c.Subscription, c.Target, cmp.Or(c.Result, "none yet"), c.Reason)
	}
	fmt.Fprintf(t, "%d\tin all\n", len(found.Items))
	return t.Flush()
}
