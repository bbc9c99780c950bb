package resend

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/parked"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Tally counts what was asked for.
type Tally struct {
	// Asked are those that are made again; Pending those of which a resend waits
	// to be made, or was made since the selection: nothing was asked of them.
	Asked, Pending int
}

// Ask asks for every delivery of a selection, one after another, and calls
// progress after each. With an error the tally says how far it came; asking for
// the same again is safe: as long as a resend waits to be made, or is made since
// the selection, nothing is made twice.
func Ask(ctx context.Context, js jetstream.JetStream, s Selection, progress func(Tally)) (Tally, error) {
	var t Tally
	a := asker{js: js}
	var err error
	if a.partitions, err = topology.Partitions(ctx, js); err != nil {
		return t, err
	}
	if a.retries, err = js.Stream(ctx, topology.Retries); err != nil {
		return t, fault.New(fault.Unavailable, "read", topology.Retries, err)
	}
	for i := range s.Items {
		asked, err := a.ask(ctx, &s.Items[i], s.At)
		if err != nil {
			return t, err
		}
		if asked {
			t.Asked++
		} else {
			t.Pending++
		}
		progress(t)
	}
	return t, nil
}

type asker struct {
	js         jetstream.JetStream
	partitions int
	retries    jetstream.Stream
}

// ask stores the resend where the delivery's pending retry is: in its place,
// where there is one, and never beside it. It reports false where there was
// nothing to ask.
func (a *asker) ask(ctx context.Context, i *Item, at time.Time) (bool, error) {
	const op = "ask for delivery"
	id := i.Delivery.ID
	w, pending, err := a.work(ctx, i)
	if err != nil {
		return false, err
	}
	if pending > 0 && (w.Anew() || w.Attempts > i.Attempt) {
		return false, nil // a resend waits, or was made since the selection
	}
	w.Delivery, w.Attempts, w.Resent = i.Delivery, i.Attempt, settle.Resent{At: at, After: i.Attempt}
	if w.First.IsZero() {
		w.First = i.First
	}
	header, data, err := w.Encode()
	if err != nil {
		return false, err
	}
	due := subject.RetryDue(i.Channel, subject.Partition(i.Delivery.Owner, a.partitions), i.Delivery.Owner, i.Delivery.Subscription)
	_, err = a.js.PublishMsg(ctx, &nats.Msg{Subject: subject.RetrySet(i.Channel, id), Header: header, Data: data},
		jetstream.WithScheduleAt(at), jetstream.WithScheduleTarget(due), jetstream.WithExpectLastSequencePerSubject(pending))
	switch {
	case api.Overtaken(err):
		return false, nil // another command was faster, or an attempt has ended meanwhile
	case err != nil:
		return false, fault.New(fault.Unavailable, op, id, err)
	}
	return true, nil
}

// work returns what is kept of a delivery: for its pending retry, whose sequence
// is returned too, or in PARKED. Where nothing is, it is rendered again.
func (a *asker) work(ctx context.Context, i *Item) (settle.Work, uint64, error) {
	m, err := a.retries.GetLastMsgForSubject(ctx, subject.RetrySet(i.Channel, i.Delivery.ID))
	switch {
	case err == nil:
		w, err := settle.Decode(m.Header, m.Data)
		return w, m.Sequence, err
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return settle.Work{}, 0, fault.New(fault.Unavailable, "read retry of", i.Delivery.ID, err)
	case i.Letter == 0:
		return settle.Work{}, 0, nil
	}
	w, err := parked.Open(ctx, a.js, i.Letter)
	if fault.KindOf(err) == fault.NotFound {
		return settle.Work{}, 0, nil
	}
	return w, 0, err
}
