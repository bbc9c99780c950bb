package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/store"
)

// errKept says that a count was asked for and no more.
var errKept = errors.New("nothing was deleted; add --yes to delete the owner with all of it")

func deleteCommand(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "delete", Short: "Delete an owner with all that it has"}
	cmd.AddCommand(deleteOwnerCommand(w))
	return cmd
}

func deleteOwnerCommand(w World) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "owner <id>",
		Short: "Delete an owner with all that it has",
		Long: "Delete an owner with its accounts, endpoints, emails, subscriptions, queues, keys, plans and secrets. What it has is counted first,\n" +
			"and deleted with --yes only. From then on nothing is accepted and nothing delivered for it. What is in the logs stays until\n" +
			"its age, and for as long the id is reserved. A deletion that was cut off is finished by the same command.",
		Example: "  billhook delete owner acme --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				if !yes {
					held, err := s.Holdings(cmd.Context(), args[0])
					if err != nil {
						return err
					}
					fmt.Fprintf(w.Out, "owner %s has %s\n", args[0], &held)
					return errKept
				}
				held, err := s.DeleteOwner(cmd.Context(), args[0], true)
				if err != nil {
					return err
				}
				fmt.Fprintf(w.Out, "owner %s is deleted, with %s\n", args[0], &held)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete it; without it, what it has is counted")
	return cmd
}
