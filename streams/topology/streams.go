package topology

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/subject"
)

// metaPartitions is the key, in the metadata of INBOX and EVENTS, of the
// number of partitions they were made with.
const metaPartitions = "billhook-partitions"

// maxConsumers lifts the server's default of 1,000 consumers a stream where
// ordered consumers are made on demand; they count while they live.
const maxConsumers = 100_000

// maxInbox is the greatest message that INBOX takes, in bytes: a multiple of an
// event's greatest size, so that what is a little too long is refused with a
// record, and nobody fills memory by the rest.
const maxInbox = 1 << 20

const (
	day     = 24 * time.Hour
	gapsAge = 365 * day
)

// Streams returns every stream.
func Streams(s Settings) []jetstream.StreamConfig {
	return []jetstream.StreamConfig{
		inbox(s), rejected(s), events(s), deliveries(s), retries(s), schedules(s), parked(s), outcomes(s), gaps(s), audit(s),
	}
}

// stream returns what all streams have in common: a file store, limits
// retention, no limit but those that its builder sets.
func stream(s Settings, name, subjects string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: []string{subjects},
		Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardOld,
		Replicas: s.Replicas, MaxConsumers: -1, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
		Duplicates: minDuplicates,
	}
}

// inbox takes what platforms, the HTTP inlet and the scheduler publish, also
// while ingest is down. The transform computes the partition from the owner.
// Ingest purges what it has passed, so there is no MaxAge; full, it refuses
// new events rather than lose old ones. Its own duplicate window is the
// shortest possible: ids are chosen by outsiders and the window is shared by
// all owners. Atomic publish serves the batches of the HTTP inlet.
func inbox(s Settings) jetstream.StreamConfig {
	c := stream(s, Inbox, subject.AllPlatform)
	c.Description = "what was published and not yet taken in"
	c.Subjects = []string{subject.AllPlatform, subject.AllInternal}
	c.SubjectTransform = &jetstream.SubjectTransformConfig{
		Source: subject.InboxTransformSource, Destination: subject.InboxTransform(s.Partitions),
	}
	c.MaxBytes, c.MaxMsgSize, c.Discard = s.InboxMaxBytes, maxInbox, jetstream.DiscardNew
	c.AllowAtomicPublish, c.AllowDirect = true, true
	c.Metadata = partitionsMeta(s)
	return c
}

// rejected keeps refused events with the reason, for the platform's people.
func rejected(s Settings) jetstream.StreamConfig {
	c := stream(s, Rejected, subject.AllRejected)
	c.Description = "events that were refused, with the reason"
	c.MaxAge, c.AllowAtomicPublish, c.AllowDirect = s.RejectedMaxAge, true, true
	return c
}

// LongestHeld is how long ingest may hold back an owner's events for the sake of
// others: one that was published right behind another may be stored as much later.
const LongestHeld = 10 * time.Minute

// events is the log of accepted events. Its duplicate window is the stated
// de-duplication window of owner and id, and the time that the second one may be
// held back. Senders read single events by sequence, so direct reads are on.
// Nothing deletes a single event.
func events(s Settings) jetstream.StreamConfig {
	c := stream(s, Events, subject.AllEvents)
	c.Description = "the log of accepted events"
	c.MaxAge, c.MaxConsumers = s.EventsMaxAge, maxConsumers
	c.Duplicates = min(s.DedupWindow+LongestHeld, s.EventsMaxAge)
	c.AllowAtomicPublish, c.AllowDirect = true, true
	c.Metadata = partitionsMeta(s)
	return c
}

// deliveries holds a reference for each event and subscription that matched.
func deliveries(s Settings) jetstream.StreamConfig {
	c := stream(s, Deliveries, subject.AllDeliveries)
	c.Description = "which event goes to which subscription"
	c.MaxAge, c.MaxConsumers = s.DeliveriesAge, maxConsumers
	c.AllowAtomicPublish, c.AllowDirect = true, true
	return c
}

// retries holds message schedules of the senders and their fired copies. It
// has no MaxAge, MaxBytes or discard-new: each of them drops pending
// schedules in silence. Fired copies stay until their sender is done with them
// and package settle sweeps them away.
func retries(s Settings) jetstream.StreamConfig {
	c := stream(s, Retries, subject.AllRetries)
	c.Description = "pending and due retries"
	c.AllowMsgSchedules, c.AllowMsgTTL, c.AllowRollup, c.AllowDirect = true, true, true, true
	return c
}

// schedules holds the scheduler's timers and their fired copies; the same
// rules as for retries. The plans are the truth: timers are made from them
// again.
func schedules(s Settings) jetstream.StreamConfig {
	c := stream(s, Schedules, subject.AllSchedules)
	c.Description = "pending and due timers of the scheduler"
	c.AllowMsgSchedules, c.AllowMsgTTL, c.AllowRollup, c.AllowDirect = true, true, true, true
	return c
}

// parked keeps what was given up, with the bytes that would have been sent.
func parked(s Settings) jetstream.StreamConfig {
	c := stream(s, Parked, subject.AllParked)
	c.Description = "deliveries given up, with the reason"
	c.MaxAge, c.AllowAtomicPublish, c.AllowDirect = s.ParkedMaxAge, true, true
	return c
}

// outcomes keeps the record of every attempt. Records of one subject that come
// together share a message, a line each.
func outcomes(s Settings) jetstream.StreamConfig {
	c := stream(s, Outcomes, subject.AllOutcomes)
	c.Description = "the outcome of every attempt"
	c.MaxAge, c.MaxConsumers = s.OutcomesMaxAge, maxConsumers
	c.AllowAtomicPublish, c.AllowDirect = true, true
	return c
}

// gaps keeps the records of messages that a cursor never saw because
// retention was faster. It should stay empty.
func gaps(s Settings) jetstream.StreamConfig {
	c := stream(s, Gaps, subject.AllGaps)
	c.Description = "what cursors lost to retention"
	c.MaxAge, c.AllowDirect = gapsAge, true
	return c
}

// audit keeps who changed what. Nothing in it is removed before its age, whoever
// asks: the server refuses deletes and purges, and to take that back.
func audit(s Settings) jetstream.StreamConfig {
	c := stream(s, Audit, subject.AllAudit)
	c.Description = "who changed what"
	c.MaxAge, c.DenyDelete, c.DenyPurge, c.AllowDirect = s.AuditMaxAge, true, true, true
	return c
}

func partitionsMeta(s Settings) map[string]string {
	return map[string]string{metaPartitions: strconv.Itoa(s.Partitions)}
}
