package command

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
)

func applyCommand(w World) *cobra.Command {
	var file string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Save the resources of a YAML file",
		Long: `Save the resources of a file of YAML documents: owner, contact-type, account,
contact, smtp-settings, canned-email, endpoint, subscription, queue. All documents are
judged before the first is saved; what breaks a rule is named with its line. Applying a
file again changes nothing. Nothing is deleted.

Fields that end in _env and _file are read from this machine and go where the
file says, so apply only what you have read.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := readFile(w, file)
			if err != nil {
				return err
			}
			return withStore(cmd, w, func(_ *session, s *store.Store) error {
				items, err := manifest.Apply(cmd.Context(), s, data, manifest.Options{
					DryRun: dryRun, Files: manifest.Files{Env: w.lookup, File: os.ReadFile},
				})
				for _, item := range items {
					printItem(w, item, dryRun)
				}
				if err != nil || dryRun {
					return err
				}
				// Whoever changes subscriptions also forgets what nobody needs
				// any more of how they were.
				return s.Prune(cmd.Context())
			})
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file of documents; - is standard input (required)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "judge everything and show the difference, but save nothing")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

// readFile reads a file that a flag names.
func readFile(w World, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(w.In)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.New(fault.NotFound, "read", name, err)
	}
	return data, nil
}

// printItem shows what became of one document. A secret that was made for it
// goes to standard output, this once.
func printItem(w World, item manifest.Item, dryRun bool) {
	would := ""
	if dryRun && item.Action != setup.Unchanged {
		would = "would be "
	}
	fmt.Fprintf(w.Out, "%s %s/%s: %s%s\n", item.Kind, item.Owner, item.ID, would, item.Action)
	for _, f := range item.Fields {
		switch {
		case f.Before == "":
			fmt.Fprintf(w.Out, "  + %s: %s\n", f.Pointer, f.After)
		case f.After == "":
			fmt.Fprintf(w.Out, "  - %s: %s\n", f.Pointer, f.Before)
		default:
			fmt.Fprintf(w.Out, "  ~ %s: %s -> %s\n", f.Pointer, f.Before, f.After)
		}
	}
	if !item.Issued.Empty() {
		fmt.Fprintf(w.Out, "  signing secret, shown this once: %s\n", item.Issued.Reveal())
	}
	switch {
	case item.PublicKey == "":
	case item.Kind == manifest.SMTPSettings:
		fmt.Fprintf(w.Out, "  publish this record, or readers reject the DKIM signatures: %s\n", item.PublicKey)
	default:
		fmt.Fprintf(w.Out, "  public key of the asymmetric signature: %s\n", item.PublicKey)
	}
}
