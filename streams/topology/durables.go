package topology

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
)

// Limits of the durable consumers.
const (
	// AckWait is how long a task may stay unsettled without a sign of life;
	// pools give that sign every half of it.
	AckWait = 30 * time.Second
	// DeliveriesPending is the greatest number of unsettled tasks of one
	// partition, over all instances.
	DeliveriesPending = 1024
	// DuePending is the same for due retries and timers.
	DuePending = 4096
)

// Durable is a durable pull consumer and the stream it reads.
type Durable struct {
	Stream string
	Config jetstream.ConsumerConfig
}

// Durables returns every durable consumer. All acknowledge explicitly and
// redeliver for ever: a limit of redeliveries would skip in silence, so the
// services park what they give up.
func Durables(s Settings) []Durable {
	var out []Durable
	for _, ch := range delivery.Channels() {
		out = append(out, DurablesOf(ch, s.Partitions)...)
	}
	return append(out, SchedulerDurable())
}

// DurablesOf returns the durable consumers of a channel's sender: one of
// DELIVERIES for each partition, and that of its due retries.
func DurablesOf(ch delivery.Channel, partitions int) []Durable {
	var out []Durable
	for p := range partitions {
		out = append(out, sender(ch, p))
	}
	return append(out, Durable{Retries, durable(RetriesDurable(ch), subject.RetriesDue(ch), DuePending)})
}

// SchedulerDurable returns the durable consumer of due timers.
func SchedulerDurable() Durable {
	return Durable{Schedules, durable(SchedulerDue, subject.SchedulesDue, DuePending)}
}

func sender(ch delivery.Channel, part int) Durable {
	return Durable{Deliveries, durable(SenderDurable(ch, part), subject.DeliveriesOf(ch, part), DeliveriesPending)}
}

func durable(name, filter string, pending int) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: name, FilterSubject: filter,
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: AckWait, MaxDeliver: -1, MaxAckPending: pending,
	}
}
