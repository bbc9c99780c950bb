package fence

import (
	"context"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/topology"
)

// Newest is what the newest message inside a fence says about its writing.
// All is zero when there is no message.
type Newest struct {
	// Seq is its sequence.
	Seq uint64
	// Epoch and Number say which write of which writer it was.
	Epoch, Number uint64
	// Source is the sequence of the message it was made from, and Index its
	// place, from 1, among the Of outputs of that message. Zero for an output
	// without a source.
	Source    uint64
	Index, Of int
	// Lanes is what it says of the places of keys that lag; "" where none does.
	Lanes string
}

// Read returns the newest message inside the fence, from the stream's leader.
func Read(ctx context.Context, js jetstream.JetStream, f Fence) (Newest, error) {
	m, err := leader.Last(ctx, js, f.Stream, f.Filter)
	if err != nil {
		return Newest{}, fault.New(fault.Unavailable, "read newest", f.Filter, err)
	}
	n := Newest{
		Seq:   m.Seq,
		Epoch: number(m.Header, topology.HeaderEpoch), Number: number(m.Header, topology.HeaderWrite),
		Source: number(m.Header, topology.HeaderSource), Lanes: m.Header.Get(topology.HeaderLanes),
	}
	n.Index, n.Of = index(m.Header.Get(topology.HeaderIndex))
	return n, nil
}

// number reads a header that only this package and cursor write; what is no
// number was written by somebody else and counts as 0.
func number(h nats.Header, name string) uint64 {
	n, err := strconv.ParseUint(h.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func index(s string) (i, of int) {
	a, b, _ := strings.Cut(s, "/")
	i, errI := strconv.Atoi(a)
	of, errOf := strconv.Atoi(b)
	if errI != nil || errOf != nil || i < 1 || i > of {
		return 0, 0
	}
	return i, of
}
