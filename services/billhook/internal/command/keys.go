package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/config/store"
)

func keysCommand(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Make and revoke API keys"}
	cmd.AddCommand(createKeyCommand(w), revokeKeyCommand(w))
	return cmd
}

func createKeyCommand(w World) *cobra.Command {
	var owner, name, role string
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Make an API key of an owner and print it once",
		Example: "  billhook keys create --owner acme --role publisher --name platform",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, w, func(s *store.Store) error {
				key, text, err := s.CreateKey(cmd.Context(), owner, apikey.Key{Name: name, Role: apikey.Role(role)})
				if err != nil {
					return err
				}
				fmt.Fprintf(w.Err, "Key %s of %s (%s). It is shown this once:\n", key.ID, key.Owner, key.Role)
				fmt.Fprintln(w.Out, text.Reveal())
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "owner that the key acts for (required)")
	cmd.Flags().StringVar(&name, "name", "", "what the key is for")
	cmd.Flags().StringVar(&role, "role", string(apikey.Publisher), "admin, editor, viewer, publisher or subscriber")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

func revokeKeyCommand(w World) *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use:   "revoke <key id>",
		Short: "End an API key; it stops working within 5 seconds",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, w, func(s *store.Store) error { return s.RevokeKey(cmd.Context(), owner, args[0]) })
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", "owner of the key (required)")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

// withStore runs do with the use cases that save configuration.
func withStore(cmd *cobra.Command, w World, do func(*store.Store) error) error {
	s, err := connect(cmd, w)
	if err != nil {
		return err
	}
	defer s.close()
	k, err := s.assemble(cmd.Context(), kit.Needs{Secrets: true})
	if err != nil {
		return err
	}
	defer k.Close()
	return do(k.Store())
}
