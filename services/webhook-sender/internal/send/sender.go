package send

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/recent"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/settle"
)

// The fault points: a test build may end the process there.
const (
	// FaultPosted: the receiver has answered, nothing is stored.
	FaultPosted = "webhook-posted"
	// FaultKept: the retry is set or the webhook parked, the attempt is not
	// recorded.
	FaultKept = "webhook-kept"
	// FaultRecorded: the attempt is recorded, the task not acknowledged.
	FaultRecorded = "webhook-recorded"
	// FaultSettled: the task is acknowledged.
	FaultSettled = "webhook-settled"
)

// Settings are the parts that a sender works with.
type Settings struct {
	Targets *target.Book
	Events  *eventlog.Reader
	Client  *post.Client
	Desk    *settle.Desk
	// Limits bound the requests and what waits for them.
	Limits lane.Limits
	// MaxRetryAfter bounds what a receiver may ask for.
	MaxRetryAfter time.Duration
	Log           zerolog.Logger
	Now           func() time.Time
	Rand          io.Reader
	// Fault is called at the fault points.
	Fault func(point string)
}

// Sender delivers webhooks.
type Sender struct {
	Settings
	recent *recent.Log
	lanes  *lane.Lanes[*job]
	work   sync.WaitGroup
}

// remembered is how many deliveries a process remembers.
const remembered = 16 << 10

// New returns a sender. What it starts works under ctx, which has to outlast
// the taking of tasks.
func New(ctx context.Context, s Settings) *Sender {
	out := &Sender{Settings: s, recent: recent.New(remembered)}
	out.lanes = lane.New(s.Limits, lane.Handler[*job]{
		Run:  func(j *job, free func()) { out.attempt(ctx, j, free) },
		Shed: func(j *job, wait time.Duration) { out.putOff(ctx, j, wait) },
		Drop: func(j *job) { out.release(ctx, j) },
	})
	return out
}

// Drain gives back what waits for a lane and what still comes, and returns when
// no request is under way.
func (s *Sender) Drain() { s.lanes.Stop() }

// Stop drains and waits for everything that was started. No task may be taken
// any more.
func (s *Sender) Stop() {
	s.lanes.Stop()
	s.work.Wait()
	s.lanes.Stop() // what came to it meanwhile
}

// Take takes a task of DELIVERIES or a due retry. It does not block.
func (s *Sender) Take(ctx context.Context, t *pool.Task) {
	j, err := open(t)
	s.take(ctx, j, err)
}

func (s *Sender) take(ctx context.Context, j *job, err error) {
	if err != nil {
		s.work.Go(func() { s.malformed(ctx, j, err) })
		return
	}
	if !s.recent.Begin(j.Delivery.ID, j.Attempts) {
		// Another task of this delivery is under way, or has gone further:
		// it is the one that is seen to.
		s.work.Go(func() { s.settle(ctx, j) })
		return
	}
	if j.again {
		s.work.Go(func() { s.resume(ctx, j) })
		return
	}
	s.line(ctx, j)
}

// resume goes on with a task that was delivered before, unless its attempt is
// recorded.
func (s *Sender) resume(ctx context.Context, j *job) {
	past, err := s.Desk.Last(ctx, &j.Delivery, j.stored)
	if err != nil {
		s.logFor(j).Warn().Err(err).Msg("delivery given back")
		s.release(ctx, j)
		return
	}
	if past.Made(j.Attempts + 1) {
		s.settle(ctx, j)
		s.recent.End(j.Delivery.ID, past.Attempt)
		return
	}
	s.line(ctx, j)
}

// line puts a job into the lane of its endpoint.
func (s *Sender) line(ctx context.Context, j *job) {
	t, refusal := s.Targets.Find(&j.Delivery, j.endpoint())
	if refusal != nil {
		s.work.Go(func() { s.refuse(ctx, j, refusal) })
		return
	}
	if !j.frozen() {
		s.Events.Want(ctx, j.Delivery.EventSeq)
	}
	s.lanes.Offer(j.Delivery.Owner+"/"+t.Endpoint, t.InFlight, j)
}

// settle acknowledges the task. Where that fails it is delivered again, and
// found to be recorded.
func (s *Sender) settle(ctx context.Context, j *job) {
	if err := j.task.Done(ctx); err != nil {
		s.logFor(j).Warn().Err(err).Msg("delivery not acknowledged; it is looked up when it comes again")
	}
}

// release gives the task back: nothing became of it.
func (s *Sender) release(ctx context.Context, j *job) {
	s.recent.End(j.Delivery.ID, j.Attempts)
	if err := j.task.Release(ctx); err != nil {
		s.logFor(j).Info().Err(err).Msg("delivery not given back; it comes again after a while")
	}
}

// pause is the wait before a task is given back for what others have to
// repair: it would come again at once.
const pause = time.Second

func (s *Sender) giveBack(ctx context.Context, j *job) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
	s.release(ctx, j)
}

func (s *Sender) fault(point string) {
	if s.Fault != nil {
		s.Fault(point)
	}
}

func (s *Sender) logFor(j *job) *zerolog.Logger {
	log := s.Log.With().Str("owner", j.Delivery.Owner).Str("event", j.Delivery.EventID).
		Str("delivery", j.Delivery.ID).Str("subscription", j.Delivery.Subscription).Logger()
	return &log
}

// outcome begins the record of the next attempt.
func (j *job) outcome(s *Sender, result delivery.Result) *delivery.Outcome {
	return &delivery.Outcome{
		AttemptID: attemptID(s.Rand), Attempt: j.Attempts + 1,
		Delivery: j.Delivery, Channel: delivery.Webhook, Result: result, At: s.Now(),
	}
}
