package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/probe"
)

// errNotTaken is how a test fails.
var errNotTaken = errors.New("the receiver did not take it")

// testPatience is how long a sender may take: longer than any request.
const testPatience = time.Minute

func testCommand(w World) *cobra.Command {
	var q probe.Question
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test <endpoint id>",
		Short: "Send an example event to an endpoint and show the exchange",
		Long: "Send the example of an event type to an endpoint, signed and secured as every webhook, and show what was sent, what\n" +
			"came back, and how long each part took. The request carries billhook-test: true. It is no delivery: it is tried once,\n" +
			"and not recorded. With --subscription it is what that subscription would send.",
		Example: "  billhook test crm --owner acme --type invoice.posted --subscription invoice-to-crm",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Endpoint = args[0]
			if err := checkOwner(q.Owner).Or(); err != nil {
				return err
			}
			s, err := connect(cmd, w)
			if err != nil {
				return err
			}
			defer s.close()
			ctx, cancel := context.WithTimeout(cmd.Context(), testPatience)
			defer cancel()
			if err := mustExist(ctx, s.js, q.Owner); err != nil {
				return err
			}
			r, err := s.recorder().TryEndpoint(ctx, q)
			if err != nil {
				return err
			}
			return showReport(w.Out, r, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Owner, "owner", "", "owner of the endpoint (required)")
	f.StringVar(&q.EventType, "type", "", "event type, such as invoice.posted (required)")
	f.StringVar(&q.Subscription, "subscription", "", "send what this subscription would send; else all values that webhooks may use")
	f.BoolVar(&asJSON, "json", false, "print one JSON text")
	_ = cmd.MarkFlagRequired("owner")
	_ = cmd.MarkFlagRequired("type")
	return cmd
}

// showReport prints a report. The error says whether the test failed.
func showReport(out io.Writer, r probe.Report, asJSON bool) error {
	var b bytes.Buffer
	switch {
	case asJSON:
		if err := json.NewEncoder(&b).Encode(r); err != nil {
			return err
		}
	case r.Refused == nil:
		writeReport(&b, r)
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return err
	}
	switch {
	case r.Refused != nil:
		return notSent(r.Refused)
	case r.Reason != "":
		return fmt.Errorf("%w: %s (%s)", errNotTaken, r.Detail, r.Reason)
	}
	return nil
}

// notSent is the error of a test that a sender refused: what was asked for is
// wrong, unless the same may pass in a moment.
func notSent(r *probe.Refusal) error {
	kind := fault.Invalid
	if r.Passing {
		kind = fault.Unavailable
	}
	return fault.New(kind, "nothing was sent", "", fmt.Errorf("%s (%s)", r.Detail, r.Reason))
}

func writeReport(b *bytes.Buffer, r probe.Report) {
	fmt.Fprintf(b, "%s %s\n", r.Request.Method, r.Request.URL)
	if len(r.Request.Header) == 0 {
		fmt.Fprintln(b, "(not sent: no connection came about)")
	}
	writeLines(b, r.Request.Header)
	fmt.Fprintf(b, "\n%s\n\n", r.Request.Body)
	if r.Response.Status > 0 {
		fmt.Fprintf(b, "answer %d\n", r.Response.Status)
		writeLines(b, r.Response.Header)
		if r.Response.Body != "" {
			fmt.Fprintf(b, "\n%s\n", strings.TrimRight(r.Response.Body, "\n"))
		}
		b.WriteByte('\n')
	}
	t := r.Timing
	fmt.Fprintf(b, "dns %s, connect %s, tls %s, first byte %s, total %s\n",
		short(t.DNS), short(t.Connect), short(t.TLS), short(t.FirstByte), short(t.Total))
}

func writeLines(b *bytes.Buffer, lines []probe.Line) {
	for _, l := range lines {
		fmt.Fprintf(b, "%s: %s\n", l.Name, l.Value)
	}
}

func short(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
