package command

import (
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/billhook/billhook/services/billhook/demo"
)

// The scheduled event falls due lead after the start; patience is how long
// everything may take.
const (
	lead     = 4 * time.Second
	patience = 30 * time.Second
)

func demoCommand(w World) *cobra.Command {
	var exit bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything at work on this machine, with nothing installed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scenario, err := demo.New(time.Now(), lead)
			if err != nil {
				return err
			}
			err = demo.Run(cmd.Context(), demo.Options{
				Out: w.Out, Exit: exit, Patience: patience, Scenario: scenario,
				Log: zerolog.New(w.Err).Level(zerolog.WarnLevel).With().Timestamp().Logger(),
			})
			if exit {
				return err
			}
			return untilStopped(cmd.Context(), err)
		},
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "end when everything has arrived, with status 0 only then")
	return cmd
}
