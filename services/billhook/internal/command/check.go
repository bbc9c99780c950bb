package command

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/topology"
)

// errUnhealthy is returned when check found something to mend.
var errUnhealthy = errors.New("check found something to mend; see above")

func checkCommand(w World) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Look at a running Billhook: streams, configuration, what waits",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var settings topology.Settings
			if err := process.Load(w.Environ, &settings); err != nil {
				return err
			}
			s, err := connect(cmd, w)
			if err != nil {
				return err
			}
			defer s.close()
			if settings.Partitions, err = topology.Partitions(cmd.Context(), s.js); err != nil {
				return err
			}
			if err := listStreams(cmd, s); err != nil {
				return err
			}
			broken, err := listBroken(cmd, s)
			if err != nil {
				return err
			}
			drifted, err := reportDrift(cmd, s, settings)
			if err != nil {
				return err
			}
			if broken || drifted {
				return errUnhealthy
			}
			return nil
		},
	}
}

// listStreams shows what each stream holds.
func listStreams(cmd *cobra.Command, s *session) error {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "stream\tmessages\tbytes")
	for _, name := range []string{
		topology.Inbox, topology.Rejected, topology.Events, topology.Deliveries, topology.Retries,
		topology.Schedules, topology.Parked, topology.Outcomes, topology.Gaps,
	} {
		stream, err := s.js.Stream(cmd.Context(), name)
		if err != nil {
			return fmt.Errorf("look at stream %s: %w", name, err)
		}
		state := stream.CachedInfo().State
		fmt.Fprintf(t, "%s\t%d\t%d\n", name, state.Msgs, state.Bytes)
	}
	return t.Flush()
}

// listBroken names the stored resources that break a rule, such as a template
// with a token that a new catalogue no longer has.
func listBroken(cmd *cobra.Command, s *session) (bool, error) {
	k, err := s.assemble(cmd.Context(), kit.Needs{Buckets: []string{
		topology.Owners, topology.ContactTypes, topology.SMTP, topology.Emails, topology.Endpoints, topology.Subscriptions,
	}})
	if err != nil {
		return false, err
	}
	defer k.Close()
	owners, broken := 0, false
	for owner, snapshot := range k.Directory.Owners() {
		owners++
		broken = listBrokenOf(cmd, owner, snapshot) || broken
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d owners configured\n", owners)
	return broken, nil
}

func listBrokenOf(cmd *cobra.Command, owner string, s *directory.Snapshot) bool {
	broken := false
	report := func(bucket, id string) {
		if problems := s.Broken(bucket, id); len(problems) > 0 {
			broken = true
			fmt.Fprintf(cmd.OutOrStdout(), "broken: %s %s/%s: %v\n", bucket, owner, id, problems)
		}
	}
	for id := range s.Emails {
		report(topology.Emails, id)
	}
	for id := range s.Subscriptions {
		report(topology.Subscriptions, id)
	}
	return broken
}
