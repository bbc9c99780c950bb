package slots

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/lease"
	"github.com/billhook/billhook/streams/topology"
)

// roster decides which slots this instance should hold. It belongs to one
// goroutine.
type roster struct {
	slots *Slots
	// life is that of the leases: they outlast the context of Run, so that
	// what is under way can end.
	life context.Context //nolint:containedctx // see above
	// member is the presence of this instance.
	member  context.CancelFunc
	present sync.WaitGroup
	quiet   bool // the last failure is logged
}

func newRoster(life context.Context, s *Slots) *roster { return &roster{slots: s, life: life} }

// round takes and gives back slots, as the others that are there let it be
// fair.
func (r *roster) round(ctx context.Context) {
	s := r.slots
	wanted := s.slotsWanted()
	r.attend() //nolint:contextcheck // it outlasts the round: see life
	taken, members, err := r.look(ctx)
	if err != nil {
		if !r.quiet && ctx.Err() == nil {
			s.deps.Log.Warn().Err(err).Msg("leases of slots not seen; trying again")
		}
		r.quiet = true
		return
	}
	r.quiet = false
	s.mu.Lock()
	s.members = members
	s.mu.Unlock()
	share := (len(wanted) + members - 1) / members
	r.release(wanted, share)
	// Each begins somewhere else, so that they seldom want the same.
	begin := offset(s.cfg.Holder, topology.Slots)
	for i := range wanted {
		slot := wanted[(begin+i)%len(wanted)]
		if s.holdings() >= share {
			break
		}
		if !taken[s.leaseName(slot)] && !s.holds(slot) {
			s.hold(r.life, slot) //nolint:contextcheck // it outlasts the round: see life
		}
	}
}

// offset is a number below n that differs by name.
func offset(name string, n int) int {
	sum := 0
	for _, c := range []byte(name) {
		sum = (sum*31 + int(c)) % n
	}
	return sum
}

// release gives back what is more than a fair share, or wanted no more.
func (r *roster) release(wanted []int, share int) {
	s := r.slots
	still := map[int]bool{}
	for _, slot := range wanted {
		still[slot] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	over := len(s.held) - share
	for slot, h := range s.held {
		if !still[slot] || over > 0 {
			s.leave(h)
			over--
		}
	}
}

// attend makes this instance known, from now on.
func (r *roster) attend() {
	if r.member != nil {
		return
	}
	ctx, member := context.WithCancel(r.life)
	r.member = member
	s := r.slots
	keeper := lease.New(s.deps.JS, s.memberName(s.cfg.Holder), s.cfg.Holder, s.cfg.Lease)
	r.present.Go(func() {
		for ctx.Err() == nil {
			err := keeper.Hold(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			})
			if err != nil && ctx.Err() == nil {
				wait(ctx, roundEvery)
			}
		}
	})
}

// leave gives everything back and waits for it.
func (r *roster) leave() {
	s := r.slots
	s.mu.Lock()
	holdings := make([]*holding, 0, len(s.held))
	for _, h := range s.held {
		s.leave(h)
		holdings = append(holdings, h)
	}
	s.mu.Unlock()
	all(holdings)
	if r.member != nil {
		r.member()
		r.present.Wait()
		r.member = nil
	}
}

// look returns the leases of slots that somebody holds, and how many instances
// there are, this one included.
func (r *roster) look(ctx context.Context) (taken map[string]bool, members int, err error) {
	s := r.slots
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	stream, err := s.deps.JS.Stream(ctx, topology.BucketStream(topology.Leases))
	if err != nil {
		return nil, 0, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(topology.BucketKey(topology.Leases, s.cfg.Service+".>")))
	if err != nil {
		return nil, 0, err
	}
	taken = map[string]bool{}
	prefix := topology.BucketKey(topology.Leases, "")
	self := s.memberName(s.cfg.Holder)
	for subject := range info.State.Subjects {
		name := strings.TrimPrefix(subject, prefix)
		if strings.HasPrefix(name, s.memberName("")) {
			if name != self {
				members++
			}
			continue
		}
		taken[name] = true
	}
	return taken, members + 1, nil
}

// lookTimeout bounds one look at the leases.
const lookTimeout = 2 * time.Second

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// slotsWanted are the slots that have subscriptions, in order.
func (s *Slots) slotsWanted() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []int
	for slot := range topology.Slots {
		if len(s.bySlot[slot]) > 0 {
			out = append(out, slot)
		}
	}
	return out
}

func (s *Slots) holdings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

func (s *Slots) holds(slot int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[slot] != nil
}
