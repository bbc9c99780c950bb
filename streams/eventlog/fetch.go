package eventlog

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/direct"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// longest is the greatest number of sequences in one request; nearest the
	// greatest distance of two that are still fetched together, with what lies
	// between them.
	longest = 256
	nearest = 4
)

// errBehind says that the answering replica does not have the event yet.
var errBehind = errors.New("the event is not there yet")

// fetch gets a group, run by run.
func (r *Reader) fetch(ctx context.Context, group []*entry) {
	slices.SortFunc(group, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	for start := 0; start < len(group); {
		end := start + 1
		for end < len(group) && group[end].seq-group[end-1].seq <= nearest && group[end].seq-group[start].seq < longest {
			end++
		}
		r.run(ctx, group[start:end])
		start = end
	}
}

// run gets entries that lie close together.
func (r *Reader) run(ctx context.Context, run []*entry) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if len(run) > 1 {
		run = r.batch(ctx, run)
	}
	for _, e := range run {
		var data []byte
		msg, err := r.single(ctx, e.seq)
		if err == nil {
			data = msg.Data
		}
		r.finish(e, data, err)
	}
}

// batch gets a run with one request and returns the entries that the answer
// left out: it is bounded in bytes, and sequences may be gone.
func (r *Reader) batch(ctx context.Context, run []*entry) (left []*entry) {
	first, last := run[0].seq, run[len(run)-1].seq
	// What is left after a failure is read singly, and that tells why.
	span := direct.Span{Stream: topology.Events, First: first, Batch: int(last - first + 1)}
	_, _ = direct.Read(ctx, r.js, span, func(m *direct.Message) {
		for len(run) > 0 && run[0].seq < m.Seq {
			left, run = append(left, run[0]), run[1:]
		}
		if len(run) > 0 && run[0].seq == m.Seq {
			r.finish(run[0], m.Data, nil)
			run = run[1:]
			return
		}
		r.keep(m.Seq, m.Data)
	})
	return append(left, run...)
}

func (r *Reader) single(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	const op = "read event"
	subject := strconv.FormatUint(seq, 10)
	stream, err := r.events(ctx)
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, subject, err)
	}
	msg, err := stream.GetMsg(ctx, seq)
	if err == nil {
		return msg, nil
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		err = missing(ctx, stream, seq)
	}
	if errors.Is(err, ErrExpired) {
		return nil, fault.New(fault.NotFound, op, subject, err)
	}
	return nil, fault.New(fault.Unavailable, op, subject, err)
}

// events opens the stream once; it takes a request.
func (r *Reader) events(ctx context.Context) (jetstream.Stream, error) {
	r.mu.Lock()
	stream := r.stream
	r.mu.Unlock()
	if stream != nil {
		return stream, nil
	}
	stream, err := r.js.Stream(ctx, topology.Events)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stream = stream
	return stream, nil
}

// missing tells an event that is gone from one that the answering replica does
// not have yet: the leader knows.
func missing(ctx context.Context, stream jetstream.Stream, seq uint64) error {
	info, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	if seq < info.State.FirstSeq {
		return ErrExpired
	}
	if info.State.NumDeleted == 0 {
		return errBehind
	}
	if info, err = stream.Info(ctx, jetstream.WithDeletedDetails(true)); err != nil {
		return err
	}
	if slices.Contains(info.State.Deleted, seq) {
		return ErrExpired
	}
	return errBehind
}
