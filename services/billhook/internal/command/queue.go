package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/config/reading"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/topology"
)

// queueCommand reads event queues.
func queueCommand(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "Read event queues, and show how far they have been read"}
	q := &queueDesk{world: w}
	cmd.PersistentFlags().StringVar(&q.owner, "owner", "", "owner of the queue (required)")
	_ = cmd.MarkPersistentFlagRequired("owner")
	cmd.AddCommand(q.pull(), q.status(),
		q.settle(settling{use: "ack", short: "Acknowledge events, which then are done with", want: handout.Acknowledged}),
		q.settle(settling{use: "release", short: "Give events back, to be handed out again", want: handout.Released, flag: "delay", about: "after how long they may be handed out again"}),
		q.settle(settling{use: "extend", short: "Keep events for longer before they are handed out again", want: handout.Extended, flag: "by", about: "for how long from now on (required)"}))
	return cmd
}

// queueDesk is what the commands have in common.
type queueDesk struct {
	world World
	owner string
}

// errUnknownReceipt says that not all was done.
var errUnknownReceipt = errors.New("not every receipt counts any more")

// with gives a desk to do, which works as long.
func (q *queueDesk) with(cmd *cobra.Command, id string, do func(*queue.Desk, queue.Address) error) error {
	return withOwner(cmd, q.world, q.owner, func(s *session) error {
		k, err := s.assemble(cmd.Context(), kit.Needs{Buckets: []string{topology.Queues}})
		if err != nil {
			return err
		}
		defer k.Close()
		notices := k.Notices()
		desk, known := reading.Open(reading.Settings{
			Directory: k.Directory, JetStream: s.js, Catalogue: k.Catalogue, Partitions: k.Partitions,
			Waiting: 1, Notices: notices, Log: s.log, Now: time.Now, Rand: rand.Reader,
		})
		at := queue.Address{Owner: q.owner, Queue: id}
		if there, err := known.Known(cmd.Context(), at); err != nil || !there {
			return errors.Join(err, fault.New(fault.NotFound, "find queue", id, nil))
		}
		ctx, end := context.WithCancel(cmd.Context())
		var working sync.WaitGroup
		working.Go(func() { _ = desk.Run(ctx) })    // returns nil
		working.Go(func() { _ = notices.Run(ctx) }) // as well
		defer working.Wait()
		defer end()
		<-desk.Ready()
		return do(desk, at)
	})
}

func (q *queueDesk) pull() *cobra.Command {
	var most int
	var wait time.Duration
	var ack bool
	cmd := &cobra.Command{
		Use: "pull <queue id>", Short: "Be handed events, one JSON text each with its receipt", Args: cobra.ExactArgs(1),
		Long: "Be handed events, one JSON text each with its receipt. They are nobody else's until they are acknowledged or the\n" +
			"queue's visibility has passed.",
		Example: "  billhook queue pull ledger --owner acme --max 10 --for 20s --ack",
		RunE: func(cmd *cobra.Command, args []string) error {
			if most < 1 || most > queue.MaxMessages {
				return fault.Problems{{Pointer: "/max", Rule: "number.range", Detail: fmt.Sprintf("must be from 1 to %d", queue.MaxMessages)}}
			}
			if wait < 0 {
				return fault.Problems{{Pointer: "/for", Rule: "duration.range", Detail: "must not be negative"}}
			}
			return q.with(cmd, args[0], func(desk *queue.Desk, at queue.Address) error {
				got, err := desk.Pull(cmd.Context(), at, most, wait)
				var deeds []queue.Deed
				for _, m := range got {
					fmt.Fprintf(q.world.Out, "{\"receipt\":%q,\"sequence\":%d,\"deliveries\":%d,\"event\":%s}\n", m.Receipt, m.Seq, m.Times, m.Body)
					deeds = append(deeds, queue.Deed{Receipt: m.Receipt, Want: handout.Acknowledged})
				}
				if err == nil && ack {
					_, err = desk.Settle(cmd.Context(), at, deeds)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&most, "max", 10, "how many at most")
	f.DurationVar(&wait, "for", 0, "how long to wait where there are none")
	f.BoolVar(&ack, "ack", false, "acknowledge them once they are printed")
	return cmd
}

// settling is one thing that is done with receipts.
type settling struct {
	use, short string
	want       handout.Result
	// flag is the duration that it takes, with what that is; empty for none.
	flag, about string
}

func (q *queueDesk) settle(s settling) *cobra.Command {
	var after time.Duration
	cmd := &cobra.Command{
		Use: s.use + " <queue id> <receipt>...", Short: s.short, Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if after < 0 || after > queue.MaxAfter {
				return fault.Problems{{Pointer: "/" + s.flag, Rule: "duration.range", Detail: "must be from 0s to " + backoff.Format(queue.MaxAfter)}}
			}
			var deeds []queue.Deed
			for _, text := range args[1:] {
				deeds = append(deeds, queue.Deed{Receipt: text, Want: s.want, After: after})
			}
			return q.with(cmd, args[0], func(desk *queue.Desk, at queue.Address) error {
				results, err := desk.Settle(cmd.Context(), at, deeds)
				for i, r := range results {
					fmt.Fprintf(q.world.Out, "%s %s\n", args[1+i], r)
					if r != s.want && err == nil {
						err = fault.New(fault.Conflict, s.use, args[0], errUnknownReceipt)
					}
				}
				return err
			})
		},
	}
	if s.flag != "" {
		cmd.Flags().DurationVar(&after, s.flag, 0, s.about)
	}
	if s.want == handout.Extended {
		_ = cmd.MarkFlagRequired(s.flag)
	}
	return cmd
}

func (q *queueDesk) status() *cobra.Command {
	return &cobra.Command{
		Use: "status <queue id>", Short: "Show how far a queue has been read", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return q.with(cmd, args[0], func(desk *queue.Desk, at queue.Address) error {
				s, err := desk.Status(cmd.Context(), at)
				if err != nil {
					return err
				}
				fmt.Fprintf(q.world.Out, "position %d, %d waiting, %d handed out, %d to be handed out again\n", s.Position, s.Waiting, s.HandedOut, s.Returned)
				if !s.Oldest.IsZero() {
					fmt.Fprintf(q.world.Out, "oldest of %s\n", s.Oldest.UTC().Format(time.RFC3339))
				}
				if !s.Gap.At.IsZero() {
					fmt.Fprintf(q.world.Out, "events behind %d and before %d were removed before they were read, noticed at %s\n", s.Gap.After, s.Gap.First, s.Gap.At.UTC().Format(time.RFC3339))
				}
				return nil
			})
		},
	}
}
