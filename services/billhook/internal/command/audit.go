package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/audit"
)

// auditCommand lists who changed what.
func auditCommand(w World) *cobra.Command {
	var asked auditFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who changed what",
		Long: "Show who changed what of an owner's configuration, by an API key or on the command line, and from where; without an\n" +
			"owner that of all, and of operators' keys. The newest are shown, the oldest of them first. BEFORE and AFTER begin\n" +
			"the keyed hashes of the document without its secrets: what has the same hash was the same.",
		Example: "  billhook audit --owner acme --since 24h --resource endpoints",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := asked.read(time.Now())
			if err != nil {
				return err
			}
			s, err := connect(cmd, w)
			if err != nil {
				return err
			}
			defer s.close()
			found, err := newestEntries(cmd.Context(), s.js, q)
			if err == nil && len(found) == 0 && q.Owner != "" {
				err = mustExist(cmd.Context(), s.js, q.Owner) // one that was deleted is still on record
			}
			if err != nil {
				return err
			}
			return printEntries(w.Out, found, asJSON)
		},
	}
	asked.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON text for each")
	return cmd
}

// auditFlags are the flags that say what is asked for.
type auditFlags struct {
	query        audit.Query
	since, until string
}

func (f *auditFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.query.Owner, "owner", "", "only of this owner")
	flags.StringVar(&f.query.Actor, "actor", "", "only by the API key or the NATS user of this id; or by key, command-line or process")
	flags.StringVar(&f.query.Resource, "resource", "", "only of this kind, such as endpoints")
	flags.StringVar(&f.query.ID, "id", "", "only of the thing of this id")
	flags.StringVar(&f.since, "since", "", "only from then on: how long ago, such as 24h, or a moment in RFC 3339")
	flags.StringVar(&f.until, "until", "", "only up to then, in the same forms")
	flags.IntVar(&f.query.Limit, "limit", 100, "how many at most")
}

func (f *auditFlags) read(now time.Time) (audit.Query, error) {
	var problems fault.Problems
	refuse := func(pointer, rule, detail string) {
		problems = append(problems, fault.Problem{Pointer: pointer, Rule: rule, Detail: detail})
	}
	q := f.query
	if q.Owner != "" && !id.Valid(q.Owner) {
		refuse("/owner", "id.form", "an identifier is "+id.Rule)
	}
	if q.Resource != "" {
		problems = append(problems, access.Resource(q.Resource).Check("/resource")...)
	}
	if q.Limit < 1 {
		refuse("/limit", "number.range", "must be at least 1")
	}
	var ok bool
	if q.Since, ok = moment(f.since, now); !ok {
		refuse("/since", "moment.form", momentRule)
	}
	if q.Until, ok = moment(f.until, now); !ok {
		refuse("/until", "moment.form", momentRule)
	}
	return q, problems.Or()
}

// newestEntries reads as many pages as it takes, and turns them round.
func newestEntries(ctx context.Context, js jetstream.JetStream, q audit.Query) ([]audit.Entry, error) {
	var all []audit.Entry
	for wanted := q.Limit; len(all) < wanted; {
		q.Limit = min(wanted-len(all), audit.MaxLimit)
		found, next, err := audit.List(ctx, js, q)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if next == 0 {
			break
		}
		q.Before = next
	}
	slices.Reverse(all)
	return all, nil
}

func printEntries(w io.Writer, all []audit.Entry, asJSON bool) error {
	if asJSON {
		return printJSON(w, all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHEN\tWHO\tNAME\tFROM\tOWNER\tVERB\tWHAT\tBEFORE\tAFTER\tMORE")
	for i := range all {
		e := &all[i]
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s %s\t%s\t%s\t%s\n", shown(e.At), e.Actor.Kind, e.Actor.ID, cmp.Or(e.Actor.Name, "-"),
			cmp.Or(e.Actor.From, "-"), e.Owner, e.Verb, e.Resource, e.ID, beginning(e.Before), beginning(e.After), more(e))
	}
	return t.Flush()
}

// beginning is enough of a hash to tell it from others.
func beginning(hash string) string {
	const most = 12
	return cmp.Or(hash[max(0, len(hash)-64):][:min(most, len(hash))], "-")
}

// more is what has no column of its own.
func more(e *audit.Entry) string {
	if len(e.Secrets) > 0 {
		return fmt.Sprintf("secrets changed: %v", e.Secrets)
	}
	return e.Detail
}
