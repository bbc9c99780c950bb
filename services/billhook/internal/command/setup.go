package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/topology"
)

// setupCommand makes the streams on a NATS server for services that run apart.
func setupCommand(w World) *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Make the streams and buckets that lack, and report what differs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStreams(cmd, w, func(s *session, settings topology.Settings) error {
				if err := topology.Ensure(cmd.Context(), s.js, settings); err != nil {
					return err
				}
				_, err := reportDrift(cmd, s, settings)
				return err
			})
		},
	}
}

// withStreams is withSession for a command about the streams, with what the
// environment says of them.
func withStreams(cmd *cobra.Command, w World, do func(*session, topology.Settings) error) error {
	var settings topology.Settings
	if err := process.Load(w.Environ, &settings); err != nil {
		return err
	}
	return withSession(cmd, w, func(s *session) error { return do(s, settings) })
}

// reportDrift prints what differs from the topology and whether anything does;
// nothing changes it but the operator.
func reportDrift(cmd *cobra.Command, s *session, settings topology.Settings) (bool, error) {
	differences, err := topology.Drift(cmd.Context(), s.js, settings)
	if err != nil {
		return false, err
	}
	for _, d := range differences {
		fmt.Fprintf(cmd.OutOrStdout(), "drift: %s %s is %s, should be %s\n", d.Name, d.Field, d.Got, d.Want)
	}
	if len(differences) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "streams and buckets are as they should be")
	}
	return len(differences) > 0, nil
}
