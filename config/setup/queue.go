package setup

import (
	"encoding/hex"
	"io"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/start"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// PutQueue creates or replaces a queue. A new one begins at the moment, or where
// it says; another one that had its id is none of it. What replaces a queue
// leaves its place, and so its order, which a place is told by.
func (s *Setup) PutQueue(owner string, spec queue.Spec, env Env) (Change, error) {
	if err := s.known(owner); err != nil {
		return Change{}, err
	}
	var r field.Report
	r.Join("", spec.Check())
	r.Join("", CheckQueue(env.Catalogue, &spec))
	start.CheckPast(&r, "/start", spec.Start, env.Moment.At)
	former, exists := s.Queues[spec.ID]
	if exists && former.Order != spec.Order {
		r.Add("/order", "order.settled", "was settled as "+string(former.Order)+" when the queue was made: delete it, or make another one")
	}
	if err := r.Problems().Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.Queues, owner: owner, id: spec.ID, after: spec}
	if exists {
		next := *former
		next.Spec = spec
		next.Revision++
		w.before, w.stored = former.Spec, next
		return s.change(w)
	}
	next, err := newQueue(spec, env)
	if err != nil {
		return Change{}, err
	}
	w.stored = next
	return s.change(w)
}

// incarnationBytes are as many as two queues of one id never share.
const incarnationBytes = 8

func newQueue(spec queue.Spec, env Env) (*queue.Queue, error) {
	raw := make([]byte, incarnationBytes)
	if _, err := io.ReadFull(env.Rand, raw); err != nil {
		return nil, fault.New(fault.Internal, "draw incarnation", spec.ID, err)
	}
	return &queue.Queue{
		Spec: spec, Incarnation: hex.EncodeToString(raw), Revision: 1, FromSeq: env.Moment.First(), CreatedAt: env.Moment.At,
	}, nil
}

// DeleteQueue deletes a queue that nothing uses, with what nobody has read of it;
// users are those that the Setup does not hold.
func (s *Setup) DeleteQueue(owner, id string, users []string) (Change, error) {
	const op = "delete queue"
	former, ok := s.Queues[id]
	if !ok {
		return Change{}, notFound(op, id)
	}
	if len(users) > 0 {
		return Change{}, inUse(op, id, users)
	}
	return s.change(write{bucket: topology.Queues, owner: owner, id: id, before: former.Spec})
}
