package command

import (
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/streams/fleet"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/topology"
)

// errUnhealthy is returned when check found something to mend.
var errUnhealthy = errors.New("check found something to mend; see above")

func checkCommand(w World) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Look at a running Billhook: services, streams, configuration, what waits",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStreams(cmd, w, func(s *session, settings topology.Settings) error { return check(cmd, s, settings) })
		},
	}
}

// check looks at everything, and says whether there is something to mend.
func check(cmd *cobra.Command, s *session, settings topology.Settings) (err error) {
	if settings.Partitions, err = topology.Partitions(cmd.Context(), s.js); err != nil {
		return err
	}
	ill := false
	for _, look := range []func(*cobra.Command, *session) (bool, error){
		listServices, listStreams, lookAtRoom, listBroken, lookAtSecrets,
		func(cmd *cobra.Command, s *session) (bool, error) { return reportDrift(cmd, s, settings) },
	} {
		found, err := look(cmd, s)
		if err != nil {
			return err
		}
		ill = ill || found
	}
	if ill {
		return errUnhealthy
	}
	return nil
}

// quiet is how long nobody has answered when all services are taken to have.
const quiet = 500 * time.Millisecond

// listServices shows which instances of the services run, and names the
// services of which none does.
func listServices(cmd *cobra.Command, s *session) (bool, error) {
	all, err := fleet.List(cmd.Context(), s.nats, quiet)
	if err != nil {
		return false, err
	}
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "service\tinstance\tversion\tstarted\tstate")
	for _, service := range permission.Services() {
		if !slices.ContainsFunc(all, func(i fleet.Instance) bool { return i.Service == service }) {
			fmt.Fprintf(t, "%s\t-\t-\t-\tdoes not answer\n", service)
		}
	}
	for _, one := range all {
		state := "ready"
		if !one.Readiness.Ready {
			state = "not ready"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", one.Service, one.Name, one.Version, one.Started.Format(time.RFC3339), state)
	}
	return false, t.Flush()
}

// listStreams shows what each stream holds, and whether one is nearly at its
// limit.
func listStreams(cmd *cobra.Command, s *session) (bool, error) {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "stream\tmessages\tbytes")
	var full []string
	for _, name := range []string{
		topology.Inbox, topology.Rejected, topology.Events, topology.Deliveries, topology.Retries,
		topology.Schedules, topology.Parked, topology.Outcomes, topology.Audit, topology.Gaps,
	} {
		stream, err := s.js.Stream(cmd.Context(), name)
		if err != nil {
			return false, fmt.Errorf("look at stream %s: %w", name, err)
		}
		state, limit := stream.CachedInfo().State, stream.CachedInfo().Config.MaxBytes
		fmt.Fprintf(t, "%s\t%d\t%d\n", name, state.Msgs, state.Bytes)
		if limit > 0 && state.Bytes >= uint64(limit)/100*nearly {
			full = append(full, fmt.Sprintf("nearly full: %s may hold %d bytes", name, limit))
		}
	}
	if err := t.Flush(); err != nil {
		return false, err
	}
	for _, line := range full {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	return len(full) > 0, nil
}

// listBroken names the stored resources that break a rule, such as a template
// with a token that a new catalogue no longer has.
func listBroken(cmd *cobra.Command, s *session) (bool, error) {
	k, err := s.assemble(cmd.Context(), kit.Needs{Buckets: []string{
		topology.Owners, topology.ContactTypes, topology.SMTP, topology.Emails, topology.Endpoints, topology.Subscriptions,
		topology.Queues,
	}})
	if err != nil {
		return false, err
	}
	defer k.Close()
	owners, broken := 0, false
	for owner, snapshot := range k.Directory.Owners() {
		if snapshot.Owner != nil { // else it was deleted
			owners++
		}
		broken = listBrokenOf(cmd, owner, snapshot) || broken
	}
	fmt.Fprintf(cmd.OutOrStdout(), "owners configured: %d\n", owners)
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
	for id := range s.Queues {
		report(topology.Queues, id)
	}
	return broken
}
