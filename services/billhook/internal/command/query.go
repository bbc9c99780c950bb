package command

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/topology"
)

// queryFlags are the flags by which commands ask for deliveries.
type queryFlags struct {
	query                         outcomes.Query
	channel, result, since, until string
}

// add makes the flags that all those commands have; what the fields hold is
// what they are without a flag.
func (f *queryFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.query.Owner, "owner", "", "owner of the deliveries (required)")
	flags.StringVar(&f.channel, "channel", f.channel, "webhook or email")
	flags.StringVar(&f.query.Subscription, "subscription", "", "only of this subscription")
	flags.StringVar(&f.query.Target, "endpoint", "", "only to this endpoint, or by these SMTP settings")
	flags.StringVar(&f.query.Account, "account", "", "only of this account")
	flags.StringVar(&f.query.Reason, "reason", "", "only with this reason, such as timeout or status_503")
	flags.StringVar(&f.since, "since", f.since, "only from then on: how long ago, such as 24h, or a moment in RFC 3339")
	flags.StringVar(&f.until, "until", "", "only up to then, in the same forms")
	_ = cmd.MarkFlagRequired("owner")
}

// read returns what the flags ask for.
func (f *queryFlags) read(now time.Time) (outcomes.Query, error) {
	q := f.query
	q.Channel, q.Result = delivery.Channel(f.channel), delivery.Result(f.result)
	var problems fault.Problems
	read := func(pointer, text string) time.Time {
		at, ok := moment(text, now)
		if !ok {
			problems = append(problems, fault.Problem{Pointer: pointer, Rule: "moment.form", Detail: momentRule})
		}
		return at
	}
	q.Since, q.Until = read("/since", f.since), read("/until", f.until)
	problems = append(problems, q.Check(now)...)
	return q, problems.Or()
}

const momentRule = "must say how long ago, such as 24h, or be a moment in RFC 3339 such as 2026-11-01T00:00:00Z"

// moment reads a time or how long ago it was; empty is the zero time.
func moment(text string, now time.Time) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), ago >= 0
	}
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil && !at.IsZero()
}

// errNoOwner says that there is no owner of that id.
var errNoOwner = errors.New("there is no such owner")

// mustExist fails where there is no such owner: its log would look empty.
func mustExist(ctx context.Context, js jetstream.JetStream, owner string) error {
	e, err := bucket.Open(js, topology.Owners).Get(ctx, owner)
	if err == nil && !e.Exists() {
		return fault.New(fault.NotFound, "find owner", owner, errNoOwner)
	}
	return err
}
