package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/shared/process"
)

// settingsCommand prints the table of settings, which docs/settings.md is made
// from.
func settingsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "settings",
		Short: "Print every setting with its unit, default and meaning",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(cmd.OutOrStdout(), process.Markdown(allinone.Settings()))
			return nil
		},
	}
}
