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
	for p := range s.Partitions {
		out = append(out, sender(delivery.Webhook, p), sender(delivery.Email, p))
	}
	for _, ch := range []delivery.Channel{delivery.Webhook, delivery.Email} {
		out = append(out, Durable{Retries, durable(RetriesDurable(ch), subject.RetriesDue(ch), DuePending)})
	}
	return append(out, Durable{Schedules, durable(SchedulerDue, subject.SchedulesDue, DuePending)})
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
