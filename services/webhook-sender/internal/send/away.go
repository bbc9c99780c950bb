package send

import (
	"context"
	"time"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/streams/backlog"
)

// holding is why a job is not sent now: the state of its target's endpoint, or
// what is refused.
type holding struct {
	target  *target.Target
	refusal *target.Refusal
}

func (h *holding) key(owner string) gate.Key {
	if h.target != nil {
		return gate.Key{Owner: owner, Endpoint: h.target.Endpoint}
	}
	return gate.Key{Owner: owner, Endpoint: h.refusal.Endpoint}
}

// unusableWait is after what time it is tried again where the operator has
// something to mend.
const unusableWait = time.Minute

// divert returns the state that a refusal makes; nil where none has to be made.
func (s *Sender) divert(h *holding) func(breaker.State) breaker.State {
	if h.refusal == nil {
		return nil
	}
	now := s.Maker.Now()
	if h.refusal.Reason == target.EndpointDisabled {
		return func(st breaker.State) breaker.State { return st.Disable(breaker.ByOwner, "", now) }
	}
	return func(st breaker.State) breaker.State { return st.Mend(now, now.Add(unusableWait)) }
}

// held reports, by what was seen last, whether a job has to wait for its
// endpoint.
func (s *Sender) held(j *job, t *target.Target) bool {
	if j.origin == waited || j.pass.Probe {
		return false
	}
	st := s.Gate.State(gate.Key{Owner: j.Delivery.Owner, Endpoint: t.Endpoint})
	if j.origin == retry {
		return st.Phase == breaker.Open || st.Phase == breaker.Disabled
	}
	return st.Absorbs()
}

// away sees to a job whose endpoint is not given requests.
func (s *Sender) away(ctx context.Context, j *job, h holding) {
	switch {
	case j.origin == fresh:
		s.stash(ctx, j, h)
	case j.origin == retry:
		s.postpone(ctx, j, h)
	default:
		// The backlog's reader looks at the state before it goes on.
		if _, err := s.Gate.Change(ctx, h.key(j.Delivery.Owner), s.divert(&h)); err != nil {
			j.Logger(s.Log).Warn().Err(err).Msg("state of endpoint not stored")
		}
		s.release(ctx, j)
	}
}

// stash has a delivery join the backlog of its endpoint, which costs nothing.
func (s *Sender) stash(ctx context.Context, j *job, h holding) {
	s.join(ctx, j, h, s.divert(&h))
}

// join stashes a job, with what makes the state absorb.
func (s *Sender) join(ctx context.Context, j *job, h holding, divert func(breaker.State) breaker.State) {
	ok, err := s.Gate.Stash(ctx, h.key(j.Delivery.Owner), gate.Stash{
		Subscription: j.Delivery.Subscription, Seq: j.seq, Divert: divert,
	})
	switch {
	case err != nil:
		j.Logger(s.Log).Warn().Err(err).Msg("delivery given back")
		s.giveBack(ctx, j)
	case ok:
		s.fault(FaultStashed)
		// In this order: once it is acknowledged the backlog's reader takes it, for
		// which nobody may be at work at it.
		s.recent.End(j.Delivery.ID, j.Attempts)
		s.settle(ctx, j)
		s.Gate.Remember(h.key(j.Delivery.Owner), backlog.Waiting{Work: j.Work, Seq: j.seq, Stored: j.stored})
	default:
		s.line(ctx, j) // the endpoint is back; what was seen of it was old
	}
}

// postpone has a retry come again when its endpoint may be back, unless it is
// the probe that tells. It takes no attempt.
func (s *Sender) postpone(ctx context.Context, j *job, h holding) {
	now := s.Maker.Now()
	if h.refusal != nil {
		s.putOff(ctx, j, retryPause)
		return
	}
	p, err := s.Gate.Ask(ctx, h.key(j.Delivery.Owner))
	switch {
	case err != nil:
		j.Logger(s.Log).Warn().Err(err).Msg("retry given back")
		s.giveBack(ctx, j)
	case p.OK:
		j.pass = p
		s.enter(ctx, j, h.target)
	default:
		s.putOff(ctx, j, min(max(p.NotBefore.Sub(now), time.Second), retryPause))
	}
}

// retryPause is when the retry of an endpoint that is away comes again at the
// latest: it may be enabled before. It is kept however long that takes.
const retryPause = 5 * time.Minute

// shed puts off a job whose endpoint has more before it than it takes.
func (s *Sender) shed(ctx context.Context, j *job, wait time.Duration) {
	t, refusal := s.Maker.Find(&j.Work)
	switch {
	case refusal != nil:
		s.refuse(ctx, j, refusal)
	case j.origin == fresh:
		now := s.Maker.Now()
		s.join(ctx, j, holding{target: t}, func(st breaker.State) breaker.State { return st.Overflow(t.InFlight, now) })
	case j.origin == retry:
		s.putOff(ctx, j, wait)
	default:
		s.release(ctx, j)
	}
}
