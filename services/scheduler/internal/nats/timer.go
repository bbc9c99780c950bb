package nats

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// dueTTL is how long a timer that went off stays in the stream. One that
// nobody took by then is armed again by the next reconciliation.
const dueTTL = time.Hour

// Timer is message schedules in the stream SCHEDULES. What goes off is the key
// of a plan.
type Timer struct{ js jetstream.JetStream }

// NewTimer returns the timer. It makes no request.
func NewTimer(js jetstream.JetStream) *Timer { return &Timer{js: js} }

// Arm sets the timer of a plan, in place of an earlier one: a stream keeps one
// schedule a subject. The server's schedules are in whole seconds and cut off
// what is more, so the moment is rounded up.
func (t *Timer) Arm(ctx context.Context, p *plan.Plan) error {
	at := p.DueAt.Add(time.Second - 1).Truncate(time.Second)
	_, err := t.js.Publish(ctx, subject.ScheduleSet(p.Owner, p.ID), []byte(p.Key()),
		jetstream.WithScheduleAt(at), jetstream.WithScheduleTarget(subject.ScheduleDue(p.Owner, p.ID)),
		jetstream.WithScheduleTTL(dueTTL))
	if err != nil {
		return fault.New(fault.Unavailable, "arm timer", p.ID, err)
	}
	return nil
}

// Disarm removes the timer of a plan, if there is one.
func (t *Timer) Disarm(ctx context.Context, owner, id string) error {
	s, err := t.js.Stream(ctx, topology.Schedules)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(subject.ScheduleSet(owner, id)))
	}
	if err != nil {
		return fault.New(fault.Unavailable, "remove timer", id, err)
	}
	return nil
}

// Armed returns the timers that are set.
func (t *Timer) Armed(ctx context.Context) (map[planning.TimerKey]bool, error) {
	s, err := t.js.Stream(ctx, topology.Schedules)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "list timers", "", err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject.SchedulesSet))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "list timers", "", err)
	}
	out := map[planning.TimerKey]bool{}
	for name := range info.State.Subjects {
		owner, id, err := subject.ParseScheduleSet(name)
		if err != nil {
			return nil, fault.New(fault.Internal, "list timers", "", err)
		}
		out[planning.TimerKey{Owner: owner, Plan: id}] = true
	}
	return out, nil
}
