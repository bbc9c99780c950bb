package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/config/plan"
	"github.com/billhook/billhook/services/scheduler"
)

// scheduleCommand shows and changes what the scheduler plans.
func scheduleCommand(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "schedule", Short: "Show and change what is to be fired days after an invoice was delivered, or derived"}
	var owner string
	cmd.PersistentFlags().StringVar(&owner, "owner", "", "owner of the invoices and services (required)")
	_ = cmd.MarkPersistentFlagRequired("owner")
	at := &scheduleDesk{world: w, owner: &owner}
	cmd.AddCommand(at.list(), at.show(), at.explain(),
		at.change("cancel", "Cancel a pending plan; only a new delivery of its invoice plans it again, or usage on a later day", (*plan.Desk).Cancel),
		at.change("fire", "Fire a pending plan now, before its moment", (*plan.Desk).Fire))
	return cmd
}

// scheduleDesk is what the commands have in common.
type scheduleDesk struct {
	world World
	owner *string
}

// with gives a desk to do.
func (d *scheduleDesk) with(cmd *cobra.Command, do func(*session, *plan.Desk) error) error {
	if err := (&plan.Query{Owner: *d.owner}).Check().Or(); err != nil {
		return err
	}
	return withOwner(cmd, d.world, *d.owner, func(s *session) error {
		k, err := s.assemble(cmd.Context(), kit.Needs{Buckets: scheduler.Needs().Buckets})
		if err != nil {
			return err
		}
		defer k.Close()
		return do(s, plan.NewDesk(plan.DeskDeps{JetStream: s.js, Snapshots: k.Directory, Now: time.Now}))
	})
}

func (d *scheduleDesk) list() *cobra.Command {
	var q plan.Query
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List plans, those that are due first first, in the owner's time zone",
		Example: "  billhook schedule ls --owner acme --state pending",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Owner = *d.owner
			if err := q.Check().Or(); err != nil {
				return err
			}
			return d.with(cmd, func(_ *session, desk *plan.Desk) error {
				list, err := desk.List(cmd.Context(), q)
				if err != nil {
					return err
				}
				return printPlans(d.world.Out, list, printing{desk.Zone(q.Owner), asJSON})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Account, "account", "", "only of this account")
	f.StringVar(&q.Invoice, "invoice", "", "only of this invoice")
	f.StringVar(&q.Service, "service", "", "only of this service")
	f.StringVar(&q.Kind, "kind", "", "only delivery, overdue or dormant")
	f.StringVar(&q.State, "state", "", "only pending, firing, fired, cancelled or refused")
	f.BoolVar(&asJSON, "json", false, "print one JSON text for each")
	return cmd
}

// printing says how plans are printed.
type printing struct {
	zone   *time.Location
	asJSON bool
}

func printPlans(w io.Writer, list []plan.Planned, how printing) error {
	if how.asJSON {
		return printJSON(w, list)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DUE\tPLAN\tKIND\tOF\tACCOUNT\tDAYS\tTIME\tZONE\tSTATE\tNOTE")
	for i := range list {
		p := &list[i]
		at, note := "-", p.Note
		if !p.DueAt.IsZero() {
			at = p.DueAt.In(how.zone).Format(time.RFC3339)
		}
		if p.Reason != "" {
			note = p.Reason
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n",
			at, p.ID, p.Kind, p.What(), p.Account, p.Days, cmp.Or(p.Time, "-"), p.Zone, p.State, note)
	}
	return t.Flush()
}

func (d *scheduleDesk) show() *cobra.Command {
	return &cobra.Command{
		Use: "show <plan id>", Short: "Show all of a plan as JSON", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.with(cmd, func(_ *session, desk *plan.Desk) error {
				p, err := desk.Show(cmd.Context(), plan.Place{Owner: *d.owner, Plan: args[0]})
				if err != nil {
					return err
				}
				out := json.NewEncoder(d.world.Out)
				out.SetIndent("", "  ")
				return out.Encode(&p)
			})
		},
	}
}

// planChange is one thing that is done to a plan.
type planChange func(*plan.Desk, context.Context, plan.Recorder, plan.Place) (plan.Planned, error)

func (d *scheduleDesk) change(use, short string, do planChange) *cobra.Command {
	return &cobra.Command{
		Use: use + " <plan id>", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.with(cmd, func(s *session, desk *plan.Desk) error {
				p, err := do(desk, cmd.Context(), s.recorder(), plan.Place{Owner: *d.owner, Plan: args[0]})
				if err != nil {
					return err
				}
				said := "is " + p.State
				if use == "fire" {
					said = "fires now"
				}
				fmt.Fprintf(d.world.Out, "plan %s of %s %s %s\n", p.ID, kindOf(&p), p.What(), said)
				return nil
			})
		},
	}
}

// kindOf says whether a plan is that of an invoice or of a service.
func kindOf(p *plan.Planned) string {
	if p.Service != "" {
		return "service"
	}
	return "invoice"
}

func (d *scheduleDesk) explain() *cobra.Command {
	var q plan.Query
	var service bool
	cmd := &cobra.Command{
		Use: "explain <invoice or service>", Short: "Say why an invoice or a service has or has no plans", Args: cobra.ExactArgs(1),
		Example: "  billhook schedule explain I-42 --owner acme --account A-1001",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Owner, q.Invoice = *d.owner, args[0]
			if service {
				q.Invoice, q.Service = "", args[0]
			}
			if err := q.Check().Or(); err != nil {
				return err
			}
			return d.with(cmd, func(_ *session, desk *plan.Desk) error {
				lines, err := desk.Explain(cmd.Context(), q)
				for _, line := range lines {
					fmt.Fprintln(d.world.Out, line)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&q.Account, "account", "", "account of the invoice or service")
	cmd.Flags().BoolVar(&service, "service", false, "it is a service, not an invoice")
	return cmd
}
