package send

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/services/webhook-sender/internal/recent"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/turn"
	"github.com/billhook/billhook/streams/notice"
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
	// FaultStashed: the task has joined the backlog of its endpoint and is not
	// acknowledged.
	FaultStashed = "webhook-stashed"
)

// Notices tells owners of what goes wrong. It does not block.
type Notices interface{ Raise(n notice.Notice) }

// Settings are the parts that a sender works with.
type Settings struct {
	Maker *attempt.Maker
	Desk  *settle.Desk
	// Gate says which endpoints are given requests.
	Gate *gate.Gate
	// Turns bounds the requests and what waits for them.
	Turns   *turn.Turns
	Notices Notices
	Log     zerolog.Logger
	// Fault is called at the fault points.
	Fault func(point string)
}

// Sender delivers webhooks.
type Sender struct {
	Settings
	recent *recent.Log
	work   sync.WaitGroup
	life   context.Context //nolint:containedctx // that of what waits for its turn, which outlasts who put it there
}

// remembered is how many deliveries a process remembers.
const remembered = 16 << 10

// New returns a sender. What it starts works under ctx, which has to outlast
// the taking of tasks.
func New(ctx context.Context, s Settings) *Sender {
	return &Sender{Settings: s, recent: recent.New(remembered), life: ctx}
}

// waiting is a job that waits for its turn: a [turn.Job].
type waiting struct {
	*job
	sender *Sender
}

// Run implements [turn.Job].
func (w waiting) Run(free func()) { w.sender.attempt(w.sender.life, w.job, free) }

// PutOff implements [turn.Job].
func (w waiting) PutOff(wait time.Duration) { w.sender.shed(w.sender.life, w.job, wait) }

// Drop implements [turn.Job].
func (w waiting) Drop() { w.sender.release(w.sender.life, w.job) }

// Drain gives back what waits for its turn and what still comes, and returns
// when no request is under way.
func (s *Sender) Drain() { s.Turns.Stop() }

// Stop drains and waits for everything that was started. No task may be taken
// any more.
func (s *Sender) Stop() {
	s.Turns.Stop()
	s.work.Wait()
	s.Turns.Stop() // what came to it meanwhile
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
	if j.Anew() {
		s.work.Go(func() { s.again(ctx, j) })
		return
	}
	if claim := s.recent.Begin(j.Delivery.ID, j.Attempts); claim != recent.Yours {
		s.work.Go(func() { s.repeated(ctx, j, claim) })
		return
	}
	if j.again {
		s.work.Go(func() { s.resume(ctx, j) })
		return
	}
	s.line(ctx, j)
}

// repeated ends a task of which another one is under way or has gone further: that
// is the one that is seen to. Only a retry may be what the other one leads to: it is
// due before all that follows from the attempt is stored, where that takes long.
func (s *Sender) repeated(ctx context.Context, j *job, claim recent.Claim) {
	if claim == recent.Busy && j.origin == retry {
		s.comeBack(ctx, j)
		return
	}
	s.settle(ctx, j)
}

// again begins what somebody asked for once more. Asked for twice, it is made
// once: the second finds the outcome of the first.
func (s *Sender) again(ctx context.Context, j *job) {
	if s.recent.Again(j.Delivery.ID) {
		s.resume(ctx, j)
		return
	}
	s.comeBack(ctx, j) // what is under way may end without an attempt
}

// comeBack has a task come again when another one of its delivery may have ended.
func (s *Sender) comeBack(ctx context.Context, j *job) {
	s.wait(ctx)
	s.handBack(ctx, j)
}

// resume goes on with a task that was delivered before, unless its attempt is
// recorded.
func (s *Sender) resume(ctx context.Context, j *job) {
	past, err := s.Desk.Last(ctx, &j.Delivery, j.Since(j.stored))
	if err != nil {
		j.Logger(s.Log).Warn().Err(err).Msg("delivery given back")
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

// line has a job wait for the turn of its endpoint.
func (s *Sender) line(ctx context.Context, j *job) {
	t, refusal := s.Maker.Find(&j.Work)
	if refusal != nil {
		s.work.Go(func() { s.refuse(ctx, j, refusal) })
		return
	}
	if s.held(j, t) {
		s.work.Go(func() { s.away(ctx, j, holding{target: t}) })
		return
	}
	s.enter(ctx, j, t)
}

// enter puts a job into the lane of its endpoint whatever its state.
func (s *Sender) enter(ctx context.Context, j *job, t *target.Target) {
	if !attempt.Frozen(&j.Work) {
		s.Maker.Events.Want(ctx, j.Delivery.EventSeq)
	}
	s.Turns.Offer(j.Delivery.Owner, t, waiting{j, s})
}

// settle acknowledges the task. Where that fails it is delivered again, and
// found to be recorded.
func (s *Sender) settle(ctx context.Context, j *job) {
	if err := j.task.Done(ctx); err != nil {
		j.Logger(s.Log).Warn().Err(err).Msg("delivery not acknowledged; it is looked up when it comes again")
	}
}

// release gives the task back: nothing became of it.
func (s *Sender) release(ctx context.Context, j *job) {
	s.recent.End(j.Delivery.ID, j.Attempts)
	s.handBack(ctx, j)
}

func (s *Sender) handBack(ctx context.Context, j *job) {
	if err := j.task.Release(ctx); err != nil {
		j.Logger(s.Log).Info().Err(err).Msg("delivery not given back; it comes again after a while")
	}
}

// pause is the wait before a task is given back for what others have to
// repair: it would come again at once.
const pause = time.Second

func (s *Sender) giveBack(ctx context.Context, j *job) {
	s.wait(ctx)
	s.release(ctx, j)
}

func (s *Sender) wait(ctx context.Context) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (s *Sender) fault(point string) {
	if s.Fault != nil {
		s.Fault(point)
	}
}
