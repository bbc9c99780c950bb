package command

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/backoff"
)

func endpointsCommand(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "endpoints", Short: "Look after the endpoints of webhooks"}
	cmd.AddCommand(rotateCommand(w), enableCommand(w), disableCommand(w), statusCommand(w))
	return cmd
}

func rotateCommand(w World) *cobra.Command {
	var owner string
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate <endpoint id>",
		Short: "Give an endpoint a new signing secret and print it once",
		Long: "Give an endpoint a new signing secret and print it once. Until the overlap ends, requests are signed with the\n" +
			"former ones too, so that the receiver can change over in its own time. Without an overlap they end at once.",
		Example: "  billhook endpoints rotate crm --owner acme --overlap 48h",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				made, err := s.RotateSecret(cmd.Context(), owner, args[0], overlap)
				if err != nil {
					return err
				}
				fmt.Fprintf(w.Err, "New signing secret of endpoint %s. It is shown this once; the former ones end in %s:\n", args[0], backoff.Format(overlap))
				fmt.Fprintln(w.Out, made.Issued.Reveal())
				if made.PublicKey != "" {
					fmt.Fprintln(w.Out, made.PublicKey)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "owner of the endpoint (required)")
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the former secrets go on, at most 720h")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}
