package send

import (
	"context"
	"sync"

	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer/internal/attempt"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/settle"
)

// Sender delivers emails.
type Sender struct {
	Parts
	lanes *lane.Lanes[*job]
	work  sync.WaitGroup
}

// New returns a sender. What it starts works under ctx, which has to outlast
// the taking of tasks.
func New(ctx context.Context, p Parts) *Sender {
	s := &Sender{Parts: p}
	s.lanes = lane.New(p.Limits, lane.Handler[*job]{
		Run:  func(j *job, free func()) { s.attempt(ctx, j, free) },
		Shed: s.shed(ctx),
		Drop: func(j *job) { s.release(ctx, j) },
	})
	return s
}

// Drain gives back what waits and what still comes, and returns when nothing is
// under way.
func (s *Sender) Drain() { s.lanes.Stop() }

// Stop gives back what waits and waits for what is under way. No task may be
// taken after it.
func (s *Sender) Stop() {
	s.lanes.Stop()
	s.work.Wait()
	s.lanes.Stop() // what came to it meanwhile
}

// Take takes a task of DELIVERIES or a due retry. It does not block.
func (s *Sender) Take(ctx context.Context, t *pool.Task) {
	w, err := settle.Read(t.Subject, t.Header, t.Data)
	j := &job{Task: &attempt.Task{Work: w}, task: t, again: t.Delivered > 1, stored: t.Time}
	if err == nil {
		j.Task, err = attempt.Open(w)
	}
	switch {
	case err != nil:
		j.Frozen = t.Data
		s.work.Go(func() { s.malformed(ctx, j, err) })
	case j.Anew():
		j.Revive()
		s.work.Go(func() { s.resume(ctx, j) })
	case j.again:
		s.work.Go(func() { s.resume(ctx, j) })
	default:
		s.line(ctx, j)
	}
}

// resume goes on with a task that was delivered before, unless its attempt was
// made.
func (s *Sender) resume(ctx context.Context, j *job) {
	number := j.Attempts + 1
	past, made, err := s.past(ctx, j, number)
	if err != nil {
		s.release(ctx, j)
		return
	}
	if made {
		s.done(ctx, j)
		return
	}
	if past.Attempt == number {
		j.Repeat, j.Began = true, past.At
		j.Logger(s.Log).Warn().Int("attempt", number).Msg("a process ended while sending; sent again under the same Message-ID")
	}
	s.line(ctx, j)
}

// past looks up what became of an attempt. Where a note alone is on record, its
// process died with the letter; if the retry that follows from the attempt is set,
// the letter was refused, or others are left, and all that is to be done is the
// retry's. What that led to may have been recorded, and the retry swept away,
// between the two looks: then the last one tells.
func (s *Sender) past(ctx context.Context, j *job, number int) (past settle.Past, made bool, err error) {
	last := func() {
		past, err = s.Desk.Last(ctx, &j.Delivery, j.Since(j.stored))
		made = past.Made(number)
	}
	if last(); err != nil || made || past.Attempt != number {
		return past, made, err
	}
	if made, err = s.Desk.LedOn(ctx, &j.Work); err == nil && !made {
		last()
	}
	return past, made, err
}

// line puts a job into the lane of its SMTP settings.
func (s *Sender) line(ctx context.Context, j *job) {
	r, refusal := s.Maker.Find(j.Task)
	if refusal != nil {
		s.work.Go(func() { s.refuse(ctx, j, refusal) })
		return
	}
	if j.Bag == nil {
		s.Maker.Events.Want(ctx, j.Delivery.EventSeq)
	}
	c := s.room(&r.Settings.Limits)
	c.Group = j.Delivery.Owner
	s.lanes.Offer(j.Delivery.Owner+"/"+r.Settings.ID, c, j)
}

// room is how many deliveries of the same settings run at once, and begin in a
// second.
func (s *Sender) room(l *smtp.Limits) lane.Cap {
	connections := s.Connections
	if l.Connections > 0 {
		connections = min(connections, l.Connections)
	}
	return lane.Cap{InFlight: ahead * connections, Rate: l.MessagesPerSecond}
}

// ahead is how many deliveries run for each connection: while one is on the
// wire, others are rendered, noted and recorded.
const ahead = 4

// done acknowledges the task. Where that fails it is delivered again, and found
// to be made.
func (s *Sender) done(ctx context.Context, j *job) {
	if err := j.task.Done(ctx); err != nil {
		j.Logger(s.Log).Warn().Err(err).Msg("delivery not acknowledged; it is looked up when it comes again")
	}
}

// release gives the task back: nothing became of it.
func (s *Sender) release(ctx context.Context, j *job) {
	if err := j.task.Release(ctx); err != nil {
		j.Logger(s.Log).Info().Err(err).Msg("delivery not given back; it comes again after a while")
	}
}

func (s *Sender) fault(point string) {
	if s.Fault != nil {
		s.Fault(point)
	}
}
