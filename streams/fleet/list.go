package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/subject"
)

// Instance is a service that answered.
type Instance struct {
	// Service is its name, such as "matcher".
	Service string
	// Name is that of its process in leases.
	Name    string
	Version string
	Started time.Time
	// Readiness is what its health says.
	Readiness process.Readiness
}

// List asks who is there, and returns those who answered, by service and age.
// Nobody can know how many there are: it waits until nobody has answered for
// the given time.
func List(ctx context.Context, nc *nats.Conn, quiet time.Duration) ([]Instance, error) {
	const op = "list services"
	ask, err := micro.ControlSubject(micro.StatsVerb, "", "")
	if err != nil {
		return nil, fault.New(fault.Internal, op, "", err)
	}
	// Not the prefix of the connection: services answer this one only.
	sub, err := nc.SubscribeSync(nats.NewInbox())
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, "", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	if err := nc.PublishRequest(ask, sub.Subject, nil); err != nil {
		return nil, fault.New(fault.Unavailable, op, "", err)
	}
	var out []Instance
	for {
		msg, err := next(ctx, sub, quiet)
		switch {
		case ctx.Err() != nil:
			return nil, fault.New(fault.Unavailable, op, "", ctx.Err())
		case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders):
			slices.SortFunc(out, byServiceAndAge)
			return out, nil
		case err != nil:
			return nil, fault.New(fault.Unavailable, op, "", err)
		}
		if one, ours := read(msg.Data); ours {
			out = append(out, one)
		}
	}
}

// next waits for one more answer.
func next(ctx context.Context, sub *nats.Subscription, quiet time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

func byServiceAndAge(a, b Instance) int {
	return cmp.Or(strings.Compare(a.Service, b.Service), a.Started.Compare(b.Started), strings.Compare(a.Name, b.Name))
}

// read reads the statistics of a service; others than Billhook's may answer
// too. One that has no health yet is not there yet: it answers before it is
// registered whole.
func read(data []byte) (Instance, bool) {
	var s micro.Stats
	if json.Unmarshal(data, &s) != nil {
		return Instance{}, false
	}
	service, ours := strings.CutPrefix(s.Name, subject.MicroService(""))
	one := Instance{Service: service, Name: s.Metadata[instanceKey], Version: s.Version, Started: s.Started}
	for _, e := range s.Endpoints {
		ours = ours && json.Unmarshal(e.Data, &one.Readiness) == nil
	}
	return one, ours && len(s.Endpoints) > 0
}
