package probe

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
)

// atOnce bounds the questions that are answered at a time; what comes beyond is
// told to try again.
const atOnce = 4

// flushTimeout bounds the wait for the server to hear of a subscription.
const flushTimeout = 5 * time.Second

// The reasons of refusals that this package gives.
const (
	Busy      = "busy"
	Malformed = "malformed"
)

// again is how long it takes until a subscription that failed is tried again.
const again = 5 * time.Second

// Answerer answers the questions Q of a channel with reports R.
type Answerer[Q, R any] struct {
	// Channel is that of the sender.
	Channel delivery.Channel
	// Try tries what is asked.
	Try func(ctx context.Context, q Q) R
	// Refuse makes the report on what is not tried.
	Refuse func(Refusal) R
	Log    zerolog.Logger
}

// Serve answers until ctx ends, and calls ready once it hears questions; while
// it cannot hear any it tries again. It returns when nothing is under way; what
// is under way then is cut off. Other senders of the channel share the
// questions.
func (a *Answerer[Q, R]) Serve(ctx context.Context, nc *nats.Conn, ready func()) {
	for ctx.Err() == nil {
		err := a.Run(ctx, nc, ready)
		if err == nil {
			return
		}
		a.Log.Warn().Err(err).Msg("probes are not heard; trying again")
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// Run is [Answerer.Serve] without the second try: the error says that it never
// heard any question.
func (a *Answerer[Q, R]) Run(ctx context.Context, nc *nats.Conn, ready func()) error {
	const op = "listen for probes"
	questions := make(chan *nats.Msg, atOnce)
	sub, err := nc.ChanQueueSubscribe(subject.ProbeAsk(a.Channel), string(a.Channel), questions)
	if err != nil {
		return fault.New(fault.Unavailable, op, string(a.Channel), err)
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	if err := flush(ctx, nc); err != nil {
		return fault.New(fault.Unavailable, op, string(a.Channel), err)
	}
	ready()
	slots := make(chan struct{}, atOnce)
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg := <-questions:
			a.take(ctx, msg, &work, slots)
		}
	}
}

// flush waits until the server has the subscription.
func flush(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return nc.FlushWithContext(ctx)
}

func (a *Answerer[Q, R]) take(ctx context.Context, msg *nats.Msg, work *sync.WaitGroup, slots chan struct{}) {
	select {
	case slots <- struct{}{}:
		work.Go(func() {
			defer func() { <-slots }()
			a.answer(msg, a.report(ctx, msg.Data))
		})
	default:
		a.answer(msg, a.Refuse(Refusal{Reason: Busy, Detail: "others are being tried; try again in a moment", Passing: true}))
	}
}

func (a *Answerer[Q, R]) report(ctx context.Context, data []byte) R {
	var q Q
	if err := json.Unmarshal(data, &q); err != nil {
		return a.Refuse(Refusal{Reason: Malformed, Detail: err.Error()})
	}
	return a.Try(ctx, q)
}

// answer answers where answers belong, and nowhere else: who asks must not have
// the sender write for it.
func (a *Answerer[Q, R]) answer(msg *nats.Msg, r R) {
	if !subject.IsProbeAnswer(a.Channel, msg.Reply) {
		a.Log.Warn().Str("reply", msg.Reply).Msg("a probe wants its answer where none belongs; not answered")
		return
	}
	data, err := json.Marshal(r)
	if err == nil {
		err = msg.Respond(data)
	}
	if err != nil {
		a.Log.Warn().Err(err).Msg("probe not answered")
	}
}
