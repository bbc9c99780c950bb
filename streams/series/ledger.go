package series

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// fenced is the ledger in OUTCOMES, with the copies in the bucket series.
type fenced struct {
	cfg      Config
	js       jetstream.JetStream
	writer   *fence.Writer
	revision uint64 // of the copy
}

func newLedger(cfg Config, js jetstream.JetStream) *fenced { return &fenced{cfg: cfg, js: js} }

func (l *fenced) fence() fence.Fence {
	return fence.Fence{Stream: topology.Outcomes, Filter: subject.OrderedOutcomesOf(l.cfg.Channel, l.cfg.Owner, l.cfg.Subscription)}
}

// Where returns how far a subscription has come, as its holder stored it last:
// the zero Position where none has.
func Where(ctx context.Context, js jetstream.JetStream, key Key) (position.Position, error) {
	l := newLedger(Config{Key: key}, js)
	newest, err := l.newest(ctx, "look at series")
	if err != nil {
		return position.Position{}, err
	}
	return l.find(ctx, newest, position.Position{})
}

// newest is the newest message inside the fence.
func (l *fenced) newest(ctx context.Context, op string) (leader.Message, error) {
	m, err := leader.Last(ctx, l.js, topology.Outcomes, l.fence().Filter)
	if err != nil {
		return leader.Message{}, fault.New(fault.Unavailable, op, l.cfg.name(), err)
	}
	return m, nil
}

// claim writes a note inside the fence, so that whatever a former holder still
// writes is refused from then on. An epoch in the bucket alone would not do
// that: the former's next outcome would be accepted as long as the new holder
// has written none.
func (l *fenced) claim(ctx context.Context, start position.Position) (position.Position, error) {
	newest, err := l.newest(ctx, "claim series")
	if err != nil {
		return position.Position{}, err
	}
	p, err := l.find(ctx, newest, start)
	if err != nil {
		return position.Position{}, err
	}
	p.Epoch++
	l.writer = fence.New(l.js, l.fence(), p.Epoch, newest.Seq)
	return p, l.write(ctx, []record{{position: p}})
}

// find returns the newer one of what the newest message inside the fence and
// the copy say.
func (l *fenced) find(ctx context.Context, newest leader.Message, start position.Position) (position.Position, error) {
	m, err := leader.Last(ctx, l.js, topology.BucketStream(topology.Series), l.key())
	if err != nil {
		return position.Position{}, fault.New(fault.Unavailable, "read position", l.cfg.name(), err)
	}
	l.revision = m.Seq
	var c Copy
	if len(m.Data) > 0 {
		if err := json.Unmarshal(m.Data, &c); err != nil {
			return position.Position{}, fault.New(fault.Internal, "decode position", l.cfg.name(), err)
		}
	}
	switch {
	case newest.Seq > c.Fence:
		return position.Decode([]byte(newest.Header.Get(topology.HeaderPosition)))
	case len(m.Data) > 0:
		return c.Position, nil
	default:
		return start, nil
	}
}

func (l *fenced) key() string { return topology.BucketKey(topology.Series, l.cfg.name()) }

func (l *fenced) write(ctx context.Context, records []record) error {
	msgs := make([]*nats.Msg, len(records))
	for i := range records {
		m, err := l.message(&records[i])
		if err != nil {
			return err
		}
		msgs[i] = m
	}
	if len(msgs) == 0 {
		return nil
	}
	_, err := l.writer.Write(ctx, msgs)
	return err
}

func (l *fenced) message(r *record) (*nats.Msg, error) {
	at, err := r.position.Encode()
	if err != nil {
		return nil, err
	}
	m := &nats.Msg{Subject: subject.OrderedNote(l.cfg.Channel, l.cfg.Owner, l.cfg.Subscription), Header: nats.Header{}}
	if o := r.outcome; o != nil {
		m = settle.Message(o)
		m.Subject = subject.OrderedOutcome(l.cfg.Channel, o.Result, l.cfg.Owner, l.cfg.Subscription)
	}
	m.Header[topology.HeaderPosition] = []string{string(at)}
	return m, nil
}

// copy replaces the copy that it knows. Whoever is refused has been replaced,
// and will hear it from the fence.
func (l *fenced) copy(ctx context.Context, p position.Position) error {
	data, err := json.Marshal(Copy{Position: p, Fence: l.writer.Last(), Holder: l.cfg.Holder})
	if err != nil {
		return fault.New(fault.Internal, "encode position", l.cfg.name(), err)
	}
	ctx, cancel := api.Bound(ctx, l.js)
	defer cancel()
	ack, err := l.js.PublishMsg(ctx, &nats.Msg{Subject: l.key(), Data: data}, jetstream.WithExpectLastSequencePerSubject(l.revision))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		l.revision = ack.Sequence
		return nil
	case errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fault.New(fault.Conflict, "copy position", l.cfg.name(), fence.ErrFenced)
	default:
		return fault.New(fault.Unavailable, "copy position", l.cfg.name(), err)
	}
}
