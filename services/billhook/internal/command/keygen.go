package command

import (
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/permission"
)

// keygenCommand prints a new sealing key.
func keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen",
		Short: "Print a new key for sealing secrets (SECRET_KEY)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := secret.GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), key.Reveal())
			return nil
		},
	}
}

// natsConfigCommand prints the configuration of a NATS server for services
// that run apart.
func natsConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nats-config",
		Short: "Print the nats-server configuration with every service's user",
		Args:  cobra.NoArgs,
	}
	publishers := cmd.Flags().StringSlice("publisher", nil, "owner whose platform gets a user that may publish its events; repeatable")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := permission.CheckPublishers(*publishers).Or(); err != nil {
			return err
		}
		fmt.Fprint(cmd.OutOrStdout(), permission.ServerConfig(*publishers...))
		return nil
	}
	return cmd
}
