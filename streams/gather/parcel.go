package gather

import (
	"github.com/nats-io/nats.go"
)

// The bounds of what is joined: well below what a server takes, and small
// enough that a reader who wants one record does not get many for it.
const (
	joinedMax   = 128
	joinedBytes = 128 << 10
)

// parcel is a message on its way, with the entries that it stores.
type parcel struct {
	msg  *nats.Msg
	of   []*entry
	size int // of their messages
}

// end tells all publishers of a parcel what became of it.
func (p *parcel) end(r result) {
	for _, e := range p.of {
		e.done <- r
	}
}

// parcels returns what is to be stored for a group: each message by itself, or
// those of a subject joined.
func (g *Gatherer) parcels(group []*entry) []*parcel {
	if !g.joins || len(group) == 1 {
		return alone(group)
	}
	var out []*parcel
	open := map[string]*parcel{}
	for _, e := range group {
		p, size := open[e.msg.Subject], e.msg.Size()
		if p == nil || len(p.of) == joinedMax || p.size+size > joinedBytes {
			p = &parcel{}
			open[e.msg.Subject] = p
			out = append(out, p)
		}
		p.of, p.size = append(p.of, e), p.size+size
	}
	for _, p := range out {
		p.msg = joined(p)
	}
	return out
}

func alone(group []*entry) []*parcel {
	out := make([]*parcel, len(group))
	for i := range group {
		out[i] = &parcel{msg: group[i].msg, of: group[i : i+1]}
	}
	return out
}

// joined returns the message of a parcel. Those that it stores stay as they are:
// a refused parcel is taken apart.
func joined(p *parcel) *nats.Msg {
	first := p.of[0].msg
	if len(p.of) == 1 {
		return first
	}
	out := &nats.Msg{Subject: first.Subject, Header: make(nats.Header, len(first.Header)), Data: make([]byte, 0, p.size)}
	for i, e := range p.of {
		for name, values := range e.msg.Header {
			if i == 0 {
				out.Header[name] = make([]string, 0, len(p.of))
			}
			out.Header[name] = append(out.Header[name], values...)
		}
		if i > 0 {
			out.Data = append(out.Data, '\n')
		}
		out.Data = append(out.Data, e.msg.Data...)
	}
	return out
}
