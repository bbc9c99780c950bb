package direct

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
)

// Steps is the next messages of a stream from a place on whose subjects are one
// token longer than Below.
type Steps struct {
	Stream, Below string
	// First is the least sequence, Count how many messages are wanted.
	First uint64
	Count int
}

// Walk visits messages as [Read] does, by one small request for each, many of
// them at once. A batch is answered together with the number of all messages
// behind it, for which the server looks at every subject that matches: measured,
// 40 ms of processor time at 1,000,000 subjects, whatever the batch. A walk costs
// by what it visits, so it is for streams of many subjects.
//
// The way is cut into stretches, and a stretch into lanes that are walked side by
// side. How wide a stretch must be is told by how far apart the messages were
// till then.
func Walk(ctx context.Context, js jetstream.JetStream, s Steps, visit func(*Message)) (more bool, err error) {
	ctx, cancel := api.Bound(ctx, js)
	defer cancel()
	more, err = s.walk(ctx, js, visit)
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fault.New(fault.Unavailable, "read", s.Stream, err)
	}
	return more, err
}

// Lanes: so many at most, each of about so many steps.
const (
	maxLanes = 64
	steps    = 8
)

func (s *Steps) walk(ctx context.Context, js jetstream.JetStream, visit func(*Message)) (bool, error) {
	from, met := max(s.First, 1), 0
	if from == 1 {
		first, err := s.first(ctx, js)
		if first == nil || err != nil {
			return false, err
		}
		if from = first.Seq; s.below(first.Subject) {
			visit(first)
			met++
		}
	}
	w := &walker{js: js, steps: s, inbox: js.Conn().NewInbox(), answers: make(chan *nats.Msg, maxLanes)}
	sub, err := js.Conn().ChanSubscribe(w.inbox+".*", w.answers)
	if err != nil {
		return false, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	at := from + uint64(met)
	for {
		need := s.Count + 1 - met // one more tells whether there is more
		part := stretch{from: at, need: need, width: 1}
		if at > from {
			part.width = uint64(need) * (at - from) / uint64(max(met, 1))
		}
		found, next, err := w.cross(ctx, &part)
		if err != nil {
			return false, err
		}
		for _, m := range found {
			if met == s.Count {
				return true, nil
			}
			visit(m)
			met++
		}
		if next == 0 {
			return false, nil
		}
		at = next
	}
}

// first returns the first message of the stream, of whatever subject: to look
// from there on for one that matches makes the server count too.
func (s *Steps) first(ctx context.Context, js jetstream.JetStream) (m *Message, err error) {
	_, err = (&Span{Stream: s.Stream, Batch: 1}).read(ctx, js, func(found *Message) { m = found })
	return m, err
}

func (s *Steps) below(subject string) bool {
	rest, ok := strings.CutPrefix(subject, s.Below+".")
	return ok && !strings.Contains(rest, ".")
}

// stretch is a part of the way: width sequences from one on, in which need
// messages are expected.
type stretch struct {
	from, width uint64
	need        int
}

// lane is a part of a stretch, from at until before until.
type lane struct {
	at, until uint64
	found     []*Message
	// beyond is a message that is not in the lane any more, where one was met.
	beyond uint64
	// full says that the lane has more than was expected, last that the stream
	// has nothing behind what was found.
	full, last bool
}

// lanes cuts a stretch.
func (s *stretch) lanes() []lane {
	out := make([]lane, min(max(s.need/steps, 1), maxLanes, int(min(s.width, maxLanes))))
	each := (s.width + uint64(len(out)) - 1) / uint64(len(out))
	for i := range out {
		out[i].at = s.from + uint64(i)*each
		out[i].until = out[i].at + each
	}
	return out
}

// walker asks for single messages; answers come to one channel.
type walker struct {
	js      jetstream.JetStream
	steps   *Steps
	inbox   string
	answers chan *nats.Msg
}

// cross returns the messages of a stretch, or of its beginning, in their order,
// and where to go on; 0 at the end of the stream.
func (w *walker) cross(ctx context.Context, s *stretch) (found []*Message, next uint64, err error) {
	lanes := s.lanes()
	for i := range lanes {
		if err := w.ask(i, lanes[i].at); err != nil {
			return nil, 0, err
		}
	}
	most := 4*s.need/len(lanes) + 1
	for open := len(lanes); open > 0; {
		select {
		case msg := <-w.answers:
			i, err := strconv.Atoi(strings.TrimPrefix(msg.Subject, w.inbox+"."))
			if err != nil {
				return nil, 0, err
			}
			if err := lanes[i].take(msg); err != nil {
				return nil, 0, err
			}
			if lanes[i].done(most) {
				open--
			} else if err := w.ask(i, lanes[i].at); err != nil {
				return nil, 0, err
			}
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	for i := range lanes {
		l := &lanes[i]
		found = append(found, l.found...)
		switch {
		case l.full:
			return found, l.at, nil
		case l.last:
			return found, 0, nil
		}
		next = max(next, l.until, l.beyond)
	}
	return found, next, nil
}

func (w *walker) ask(lane int, from uint64) error {
	ask, err := json.Marshal(question{Seq: from, Next: w.steps.Below + ".*"})
	if err != nil {
		return err
	}
	return w.js.Conn().PublishRequest(api.Direct(w.js, w.steps.Stream), w.inbox+"."+strconv.Itoa(lane), ask)
}

// take takes the answer to what a lane asked: the next message from its place on.
func (l *lane) take(msg *nats.Msg) error {
	if msg.Header.Get(jetstream.SequenceHeader) == "" {
		if status := msg.Header.Get("Status"); status != "404" {
			return errors.New("answered with status " + status + " " + msg.Header.Get("Description"))
		}
		l.last = true
		return nil
	}
	m, err := parse(msg)
	if err != nil {
		return err
	}
	if m.Seq >= l.until {
		l.beyond = m.Seq
		return nil
	}
	l.found = append(l.found, m)
	l.at = m.Seq + 1
	return nil
}

// done reports whether a lane is walked to its end, or has as many as it may.
func (l *lane) done(most int) bool {
	l.full = len(l.found) >= most && l.at < l.until
	return l.last || l.full || l.beyond > 0 || l.at >= l.until
}
