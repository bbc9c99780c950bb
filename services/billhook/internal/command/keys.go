package command

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/store"
)

func keysCommand(w World) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke API keys",
		Long: `Make, list and revoke API keys. What the roles may do:

  operator    everything of every owner (made with --operator)
  admin       everything within its owner, keys and audit included; quotas are the operator's
  editor      every resource of its owner, but no keys
  viewer      reading
  publisher   publishing events, nothing else
  subscriber  its own endpoints, and what was sent to them; reading its own queues`,
	}
	cmd.AddCommand(createKeyCommand(w), listKeysCommand(w), revokeKeyCommand(w))
	return cmd
}

// whose are the flags that say whose keys a command is about.
type whose struct {
	owner    string
	operator bool
}

func (f *whose) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.owner, "owner", "", "owner that the key acts for")
	cmd.Flags().BoolVar(&f.operator, "operator", false, "an operator's key, which acts for every owner")
	cmd.MarkFlagsOneRequired("owner", "operator")
	cmd.MarkFlagsMutuallyExclusive("owner", "operator")
}

// String names them for people.
func (f *whose) String() string { return cmp.Or(f.owner, "the operator") }

func createKeyCommand(w World) *cobra.Command {
	var of whose
	var want apikey.Key
	var role string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an API key and print it once",
		Example: "  billhook keys create --owner acme --role publisher --name platform\n" +
			"  billhook keys create --owner acme --role subscriber --endpoint crm --expires 720h\n" +
			"  billhook keys create --owner acme --role subscriber --queue erp",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if want.Role = apikey.Role(role); of.operator && !cmd.Flags().Changed("role") {
				want.Role = apikey.Operator
			}
			if cmd.Flags().Changed("expires") {
				want.ExpiresAt = time.Now().UTC().Add(expires)
			}
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				key, text, err := s.CreateKey(cmd.Context(), of.owner, want)
				if err != nil {
					return err
				}
				fmt.Fprintf(w.Err, "Key %s of %s (%s). It is shown this once:\n", key.ID, &of, key.Role)
				fmt.Fprintln(w.Out, text.Reveal())
				return nil
			})
		},
	}
	of.add(cmd)
	cmd.Flags().StringVar(&want.Name, "name", "", "what the key is for")
	cmd.Flags().StringVar(&role, "role", string(apikey.Publisher), "admin, editor, viewer, publisher or subscriber")
	cmd.Flags().StringSliceVar(&want.Endpoints, "endpoint", nil, "endpoint of a subscriber; may be given again")
	cmd.Flags().StringSliceVar(&want.Queues, "queue", nil, "queue of a subscriber; may be given again")
	cmd.Flags().DurationVar(&expires, "expires", 0, "for how long the key is valid; without it until it is revoked")
	return cmd
}

func listKeysCommand(w World) *cobra.Command {
	var of whose
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List API keys, without their texts, which nobody has",
		Example: "  billhook keys list --owner acme",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				all, err := s.Keys(cmd.Context(), of.owner)
				if err != nil {
					return err
				}
				return printKeys(w.Out, all, asJSON)
			})
		},
	}
	of.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON text for each")
	return cmd
}

func printKeys(w io.Writer, all []apikey.Key, asJSON bool) error {
	if asJSON {
		return printJSON(w, all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tROLE\tENDPOINTS\tQUEUES\tCREATED\tSTATE\tNAME")
	for i := range all {
		k := &all[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Role, cmp.Or(strings.Join(k.Endpoints, ","), "-"), cmp.Or(strings.Join(k.Queues, ","), "-"),
			k.CreatedAt.Format(time.RFC3339), keyState(k, time.Now()), k.Name)
	}
	return t.Flush()
}

// keyState says whether a key works, and until when.
func keyState(k *apikey.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked " + k.RevokedAt.Format(time.RFC3339)
	case !k.Valid(now):
		return "expired " + k.ExpiresAt.Format(time.RFC3339)
	case !k.ExpiresAt.IsZero():
		return "until " + k.ExpiresAt.Format(time.RFC3339)
	default:
		return "valid"
	}
}

func revokeKeyCommand(w World) *cobra.Command {
	var of whose
	cmd := &cobra.Command{
		Use:   "revoke <key id>",
		Short: "End an API key; it stops working within 5 seconds",
		Long: "End an API key; it stops working within 5 seconds, also on connections that are open. The id is what \"keys create\"\n" +
			"and \"keys list\" print; it is within the key too: bhk_<owner>.<id>_….",
		Example: "  billhook keys revoke 8e230ff2e4f4a044 --owner acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				if err := s.RevokeKey(cmd.Context(), of.owner, args[0]); err != nil {
					return err
				}
				fmt.Fprintf(w.Out, "key %s of %s is revoked\n", args[0], &of)
				return nil
			})
		},
	}
	of.add(cmd)
	return cmd
}
