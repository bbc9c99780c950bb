package command

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/store"
)

func disableCommand(w World) *cobra.Command {
	return switchCommand(w, switching{
		use: "disable", short: "Send nothing more to an endpoint; what comes for it waits", said: "disabled",
		do: (*store.Store).DisableEndpoint,
	})
}

func enableCommand(w World) *cobra.Command {
	cmd := switchCommand(w, switching{
		use: "enable", short: "Have a disabled endpoint go on, or one that is waited for be tried at once", said: "enabled",
		do: (*store.Store).EnableEndpoint,
	})
	cmd.Long = "Have an endpoint go on that its owner disabled, that answered 410, or to which too many deliveries failed for good.\n" +
		"It is tried with one request; when that succeeds, what waited is sent. One that is waited for is tried at once."
	return cmd
}

// switching is one of the two.
type switching struct {
	use, short, said string
	do               func(*store.Store, context.Context, string, string) error
}

func switchCommand(w World, sw switching) *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use:     sw.use + " <endpoint id>",
		Short:   sw.short,
		Example: "  billhook endpoints " + sw.use + " crm --owner acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				if err := sw.do(s, cmd.Context(), owner, args[0]); err != nil {
					return err
				}
				fmt.Fprintf(w.Out, "endpoint %s/%s %s\n", owner, args[0], sw.said)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "owner of the endpoint (required)")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

func statusCommand(w World) *cobra.Command {
	var owner string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how an owner's endpoints stand",
		Long: "Show how an owner's endpoints stand: the state, since when and why, how many deliveries there are from the beginning\n" +
			"of the backlog on, and when the next probe is.",
		Example: "  billhook endpoints status --owner acme",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOwner(owner).Or(); err != nil {
				return err
			}
			return withStore(cmd, w, func(on *session, s *store.Store) error {
				if err := mustExist(cmd.Context(), on.js, owner); err != nil {
					return err
				}
				list, err := s.EndpointStatuses(cmd.Context(), owner)
				if err != nil {
					return err
				}
				return printStatuses(w.Out, list, asJSON)
			})
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "owner of the endpoints (required)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON text for each")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

func printStatuses(w io.Writer, list []store.EndpointStatus, asJSON bool) error {
	if asJSON {
		return printJSON(w, list)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENDPOINT\tSTATE\tSINCE\tREASON\tWAITING\tNEXT PROBE")
	for i := range list {
		e := &list[i]
		state := string(e.State.Phase)
		if e.State.Phase == breaker.Closed {
			state = "closed"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Endpoint, state, shown(e.State.Since), e.State.Reason,
			strconv.FormatUint(e.Waiting, 10), shown(e.State.Probe))
	}
	return t.Flush()
}

// shown writes a time, and nothing for none.
func shown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
