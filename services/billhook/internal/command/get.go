package command

import (
	"bufio"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
)

func getCommand(w World) *cobra.Command {
	var g getting
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "get [kind [id]]",
		Short: "Print what an owner has configured, as apply takes it",
		Long: `Print what an owner has configured: all of it, one kind (owner, contact-type, account, smtp-settings,
canned-email, endpoint, subscription, queue) or one resource. What is printed may be given to apply.
Contacts are in their accounts. Secrets are left out: nothing gives them back, and apply keeps what
is not given.`,
		Example: "  billhook get --owner acme > acme.yaml\n  billhook get queue ledger --owner acme",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, "", "")
			g.kind, g.id = manifest.Kind(args[0]), args[1]
			if err := g.check(); err != nil {
				return err
			}
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				out := bufio.NewWriter(w.Out)
				g.write = func(r manifest.Resource) error { return r.WriteYAML(out) }
				if asJSON {
					g.write = func(r manifest.Resource) error { return r.WriteJSON(out) }
				}
				return errors.Join(g.print(cmd.Context(), s), out.Flush())
			})
		},
	}
	cmd.Flags().StringVar(&g.owner, "owner", "", "owner whose configuration it is (required)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON text for each")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

// getting is what is asked for, and where it goes. An empty kind or id is all.
type getting struct {
	owner, id string
	kind      manifest.Kind
	write     func(manifest.Resource) error
}

func (g *getting) check() error {
	var names []string
	for _, k := range manifest.Kinds() {
		if k != manifest.Contact {
			names = append(names, string(k))
		}
	}
	if g.kind == "" || slices.Contains(names, string(g.kind)) {
		return nil
	}
	return fault.Problems{{Pointer: "/kind", Rule: "kind.unknown", Detail: "must be one of " + strings.Join(names, ", ")}}
}

// asks reports whether a resource is asked for.
func (g *getting) asks(k manifest.Kind, id string) bool {
	return (g.kind == "" || g.kind == k) && (g.id == "" || g.id == id)
}

// print prints what is asked for: the accounts last, of which there may be many.
// Apply saves in an order of its own.
func (g *getting) print(ctx context.Context, s *store.Store) error {
	st, err := s.Setup(ctx, g.owner)
	if err != nil {
		return err
	}
	found := false
	for _, r := range manifest.Resources(g.owner, st) {
		if !g.asks(r.Kind, r.ID) {
			continue
		}
		found = true
		if err := g.write(r); err != nil {
			return err
		}
	}
	switch {
	case g.kind == manifest.Account && g.id != "":
		a, err := s.Account(ctx, g.owner, g.id)
		if err != nil {
			return err
		}
		return g.write(manifest.AccountOf(g.owner, a))
	case g.asks(manifest.Account, g.id):
		return s.EachAccount(ctx, g.owner, func(a *account.Account) error { return g.write(manifest.AccountOf(g.owner, a)) })
	case g.id != "" && !found:
		return fault.New(fault.NotFound, "find "+string(g.kind), g.id, nil)
	}
	return nil
}
