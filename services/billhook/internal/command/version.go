package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

// versionCommand is --version for whoever looks for it among the commands.
func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this program was built from, as --version does",
		Long: "Print the version, the revision that this program was built from and whether that was modified, and the version of Go,\n" +
			"as --version does. A build without the history of git knows no revision. Every service has --version too.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), cmd.Root().Name(), cmd.Root().Version)
			return nil
		},
	}
}
