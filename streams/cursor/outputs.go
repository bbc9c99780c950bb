package cursor

import (
	"context"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/batch"
	"github.com/billhook/billhook/streams/topology"
)

// made is an output as a message, with the output for the duplicate hook.
type made struct {
	msg *nats.Msg
	out Output
}

// tied returns the messages of the steps' outputs: each says which message it
// was made from and its place among that message's outputs. What a former
// holder stored of the first message is left out.
func (s *Session) tied(r *reading, msgs []Message, steps []Step) []made {
	var all []made
	for i, step := range steps {
		source, of := msgs[i].Seq, len(step.Outputs)
		for j, out := range step.Outputs {
			if source == r.Source && j < r.Index {
				continue
			}
			m := message(out)
			m.Header.Set(topology.HeaderSource, strconv.FormatUint(source, 10))
			m.Header.Set(topology.HeaderIndex, nth(j+1, of))
			s.tell(m, r, behind(source, j+1, of))
			all = append(all, made{m, out})
		}
	}
	return all
}

func nth(i, of int) string { return strconv.Itoa(i) + "/" + strconv.Itoa(of) }

// loose returns the messages of outputs that belong to no message read. They
// repeat how far the reading has come, since the newest output is where the
// next holder looks.
func (s *Session) loose(outs []Output) []made {
	all := make([]made, len(outs))
	for i, out := range outs {
		m := message(out)
		if at := s.main.place; at.Source != 0 {
			m.Header.Set(topology.HeaderSource, strconv.FormatUint(at.Source, 10))
			m.Header.Set(topology.HeaderIndex, nth(at.Index, at.Index+1))
		} else {
			m.Header.Set(topology.HeaderSource, strconv.FormatUint(at.Position, 10))
		}
		s.tell(m, s.main, s.main.place)
		all[i] = made{m, out}
	}
	return all
}

// tell has m say how far everything has come once it is stored, where something
// lags: of the reading that it is an output of, that is at.
func (s *Session) tell(m *nats.Msg, of *reading, at place) {
	if len(s.lanes) == 0 {
		return
	}
	var b strings.Builder
	for _, r := range s.all() {
		p := r.place
		if r == of {
			p = at
		}
		if r != s.main {
			b.WriteString(" " + r.key + apart)
		}
		b.WriteString(p.String())
	}
	m.Header.Set(topology.HeaderLanes, b.String())
}

// message copies the header, since a handler may use one for many outputs, and
// leaves out what the server and this package mean something by.
func message(out Output) *nats.Msg {
	h := make(nats.Header, len(out.Header)+6)
	for k, v := range out.Header {
		if !reserved(k) {
			h[k] = v
		}
	}
	if out.MsgID != "" {
		h.Set(jetstream.MsgIDHeader, out.MsgID)
	}
	return &nats.Msg{Subject: out.Subject, Header: h, Data: out.Data}
}

func reserved(header string) bool {
	h := strings.ToLower(header)
	return strings.HasPrefix(h, "nats-") || strings.HasPrefix(h, "billhook-")
}

// write stores messages inside the fence, in batches.
func (s *Session) write(ctx context.Context, all []made) error {
	if len(all) == 0 {
		return nil
	}
	if s.c.cfg.Fence.Zero() {
		return s.fail(s.errNoFence())
	}
	for len(all) > 0 {
		msgs := make([]*nats.Msg, min(len(all), batch.MaxMessages))
		for i := range msgs {
			msgs[i] = all[i].msg
		}
		duplicates, err := s.writer.Write(ctx, msgs)
		for _, i := range duplicates {
			s.duplicate(all[i].out)
		}
		if err != nil {
			return s.fail(err)
		}
		if all = all[len(msgs):]; len(all) > 0 {
			s.c.fault(FaultBatch)
		}
	}
	s.dirty = true
	s.c.fault(FaultPublished)
	return nil
}

func (s *Session) duplicate(out Output) {
	s.c.log.Debug().Str("subject", out.Subject).Str("id", out.MsgID).Msg("duplicate dropped")
	if s.c.cfg.OnDuplicate != nil {
		s.c.cfg.OnDuplicate(out)
	}
}
