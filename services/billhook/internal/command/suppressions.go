package command

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/suppression"
)

func suppressionsCommand(w World) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "suppressions",
		Short: "Look after the addresses that have unsubscribed",
		Long: "Look after the addresses that have unsubscribed from an owner's emails. Emails that are transactional go to them\n" +
			"all the same.",
	}
	cmd.AddCommand(listSuppressionsCommand(w), changeSuppressionCommand(w, suppress()), changeSuppressionCommand(w, unsuppress()))
	return cmd
}

func listSuppressionsCommand(w World) *cobra.Command {
	var owner string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the addresses",
		Example: "  billhook suppressions ls --owner acme",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOwner(owner).Or(); err != nil {
				return err
			}
			return withOwner(cmd, w, owner, func(s *session) error {
				all, err := suppression.Open(s.js).All(cmd.Context(), owner)
				if err != nil {
					return err
				}
				return printSuppressions(w.Out, all, asJSON)
			})
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "owner of the list (required)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON text for each")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

// suppressing is a change to the list.
type suppressing struct {
	use, short, did, already string
	change                   func(context.Context, *store.Store, listed) (bool, error)
}

// listed is an address on the list of an owner.
type listed struct{ owner, address string }

func suppress() suppressing {
	return suppressing{
		use: "add", short: "Put an address on the list", did: "is on the list", already: "is on the list already",
		change: func(ctx context.Context, s *store.Store, at listed) (bool, error) {
			_, added, err := s.Suppress(ctx, at.owner, at.address)
			return added, err
		},
	}
}

func unsuppress() suppressing {
	return suppressing{
		use: "rm", short: "Take an address off the list, because its reader asks for that", did: "is off the list", already: "is not on the list",
		change: func(ctx context.Context, s *store.Store, at listed) (bool, error) {
			return s.Unsuppress(ctx, at.owner, at.address)
		},
	}
}

func changeSuppressionCommand(w World, s suppressing) *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use:     s.use + " <address>",
		Short:   s.short,
		Example: "  billhook suppressions " + s.use + " ada@example.com --owner acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOwner(owner).Or(); err != nil {
				return err
			}
			return withStore(cmd, w, func(on *session, st *store.Store) error {
				if err := mustExist(cmd.Context(), on.js, owner); err != nil {
					return err
				}
				changed, err := s.change(cmd.Context(), st, listed{owner, args[0]})
				if err != nil {
					return err
				}
				said := s.did
				if !changed {
					said = s.already
				}
				fmt.Fprintf(w.Out, "%s %s of %s\n", args[0], said, owner)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "owner of the list (required)")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

func printSuppressions(w io.Writer, all []suppression.Entry, asJSON bool) error {
	if asJSON {
		return printJSON(w, all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ADDRESS\tSINCE\tBY")
	for _, e := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", e.Address, e.Since.UTC().Format(time.RFC3339), e.By)
	}
	return t.Flush()
}
