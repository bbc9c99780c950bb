package reading

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/payload"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
	"github.com/billhook/billhook/tokens/offer"
)

// Settings is what queues are read with.
type Settings struct {
	// Directory watches queues.
	Directory *directory.Directory
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Partitions is the number in the streams' metadata.
	Partitions int
	// Waiting is how many requests of one owner may wait for events at once.
	Waiting int
	Pace    queue.Pace
	// Notices is told of what was lost; nil tells nobody.
	Notices *notice.Desk
	Log     zerolog.Logger
	Now     func() time.Time
	Rand    io.Reader
	// Fault is called at the fault points; nil in production.
	Fault func(point string)
}

// Open returns a desk that hands out the events of the configured queues, once it
// runs, and what it knows of them.
func Open(s Settings) (*queue.Desk, *Plans) {
	plans, open := newPlans(s), offer.New(s.Catalogue, delivery.Webhook)
	return queue.New(queue.Settings{
		JS: s.JetStream, Source: plans, Log: s.Log, Now: s.Now, Waiting: s.Waiting, Pace: s.Pace, Ticket: s.ticket, Lost: s.lost, Fault: s.Fault,
		Render: func(e *event.Event) []byte { return payload.Plain.Append(nil, e, open.Members(e)) },
	}), plans
}

// ticket draws a number that nobody can guess, and not 0.
func (s *Settings) ticket() uint64 {
	var raw [8]byte
	for {
		if _, err := io.ReadFull(s.Rand, raw[:]); err != nil {
			panic(err) // the system's randomness never fails
		}
		if n := binary.BigEndian.Uint64(raw[:]); n != 0 {
			return n
		}
	}
}

// lost records what retention removed before it was read.
func (s *Settings) lost(at queue.Address, g handout.Gap) {
	s.Log.Error().Str("owner", at.Owner).Str("queue", at.Queue).Uint64("after", g.After).Uint64("first", g.First).
		Msg("a queue lost events to retention; see the stream GAPS")
	if s.Notices != nil {
		s.Notices.Raise(notice.Notice{Kind: notice.QueueOvertaken, Owner: at.Owner, Thing: at.Queue, Reason: "retention", Happening: fmt.Sprint(g.First)})
	}
	gap := cursor.Gap{Cursor: subject.QueueName(at.Owner, at.Queue), Stream: topology.Events, After: g.After, First: g.First, At: g.At}
	data, err := json.Marshal(gap)
	if err == nil {
		_, err = s.JetStream.PublishMsgAsync(&nats.Msg{Subject: subject.GapOfQueue(at.Owner, at.Queue), Data: data})
	}
	if err != nil {
		s.Log.Error().Err(err).Str("owner", at.Owner).Str("queue", at.Queue).Msg("a gap was not recorded")
	}
}
