package pull

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Place is where a delivered message stands.
type Place struct {
	// Seq is the sequence in the stream, Nth that in the consumer, and Pending
	// how many messages are to follow.
	Seq, Nth, Pending uint64
	// Delivered counts the deliveries of the message, from 1.
	Delivered uint64
	// Time is when the message was stored.
	Time time.Time
}

// errNoPlace says that a message was not delivered by a consumer.
var errNoPlace = errors.New("message without its place in the stream")

// How many fields a reply subject has: "$JS.ACK", by newer servers domain and
// account, then stream, consumer, deliveries, and what [Place] has. One more may
// follow.
const (
	fieldsOld = 9
	fieldsNew = 11
)

// PlaceOf reads the place of a message from its reply subject, as nats.go does,
// for a fraction: millions are read at a time.
func PlaceOf(m *nats.Msg) (Place, error) {
	skip, n := 2, strings.Count(m.Reply, ".")+1
	if n >= fieldsNew {
		skip += 2
	} else if n != fieldsOld {
		return Place{}, errNoPlace
	}
	rest, ok := strings.CutPrefix(m.Reply, "$JS.ACK.")
	for range skip {
		_, rest, _ = strings.Cut(rest, ".")
	}
	var p Place
	var stored uint64
	for _, into := range [...]*uint64{&p.Delivered, &p.Seq, &p.Nth, &stored, &p.Pending} {
		var field string
		field, rest, _ = strings.Cut(rest, ".")
		v, err := strconv.ParseUint(field, 10, 63)
		if *into = v; err != nil {
			ok = false
		}
	}
	if !ok {
		return Place{}, errNoPlace
	}
	p.Time = time.Unix(0, int64(stored)) //nolint:gosec // 63 bits
	return p, nil
}
