// Package subject builds and parses every NATS subject that Billhook uses.
// Nobody else joins or splits dots. Building trusts its parts: owners and ids
// were checked with shared/id, event types come from the catalogue.
package subject

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/billhook/billhook/shared/delivery"
)

// First tokens of the subjects.
const (
	platform   = "platform"
	internal   = "billhook"
	inbox      = "inbox"
	rejected   = "rejected"
	events     = "events"
	deliveries = "deliveries"
	retries    = "retries"
	schedules  = "schedules"
	parked     = "parked"
	outcomes   = "outcomes"
	gaps       = "gaps"
	audit      = "audit"
	probes     = "probes"
	health     = "health"
)

// ordered ends the subjects of what concerns in-order subscriptions only.
const ordered = "ordered"

func join(tokens ...string) string { return strings.Join(tokens, ".") }

func part(p int) string { return strconv.Itoa(p) }

// Platform is where a platform publishes an event of one owner: the only
// subject outsiders may write.
func Platform(owner, eventType string) string { return join(platform, owner, eventType) }

// PlatformOf matches everything an owner's platform publishes: the publish
// permission of that owner's NATS user.
func PlatformOf(owner string) string { return join(platform, owner, ">") }

// AllPlatform matches everything that platforms publish.
const AllPlatform = platform + ".*.>"

// Internal is where Billhook itself publishes an event of an owner, such as
// the scheduler's. No outsider has the permission, so the subject is the proof
// of origin.
func Internal(owner, eventType string) string { return join(internal, owner, eventType) }

// InternalOf matches the events of one type that Billhook itself publishes: the
// permission of a service that tells of its work.
func InternalOf(eventType string) string { return join(internal, "*", eventType) }

// AllInternal matches everything that Billhook itself publishes to INBOX.
const AllInternal = internal + ".*.>"

// InboxTransformSource and [InboxTransform] are INBOX's subject transform: it
// puts the partition, a function of the owner alone, in front and keeps the
// origin.
const InboxTransformSource = "*.*.>"

// InboxTransform is the destination of INBOX's subject transform.
func InboxTransform(partitions int) string {
	return join(inbox, fmt.Sprintf("{{partition(%d,2)}}", partitions), "{{wildcard(1)}}", "{{wildcard(2)}}", ">")
}

// InboxPart matches the messages of one partition of INBOX.
func InboxPart(p int) string { return join(inbox, part(p), ">") }

// InboxOf matches the messages of one owner in its partition of INBOX.
func InboxOf(p int, owner string) string { return join(inbox, part(p), "*", owner, ">") }

// Rejected is where a refused message of an owner goes.
func Rejected(owner, reason string) string { return join(rejected, owner, reason) }

// AllRejected matches what REJECTED stores.
const AllRejected = rejected + ".>"

// Event is where an accepted event is stored.
func Event(p int, owner, eventType string) string { return join(events, part(p), owner, eventType) }

// EventsPart matches the events of one partition: the source of the matcher
// and the fence of ingest.
func EventsPart(p int) string { return join(events, part(p), ">") }

// EventsOf matches one owner's events.
func EventsOf(p int, owner string) string { return join(events, part(p), owner, ">") }

// EventsOfType matches one type of every owner and partition.
func EventsOfType(eventType string) string { return join(events, "*", "*", eventType) }

// EventsOfOwner matches one type of one owner, whatever its partition.
func EventsOfOwner(owner, eventType string) string { return join(events, "*", owner, eventType) }

// AllEvents matches what EVENTS stores.
const AllEvents = events + ".>"

// Delivery is where the matcher writes a delivery.
func Delivery(ch delivery.Channel, p int, owner, subscription string) string {
	return join(deliveries, string(ch), part(p), owner, subscription)
}

// DeliveriesPart matches the deliveries of one partition over all channels:
// the fence of the matcher.
func DeliveriesPart(p int) string { return join(deliveries, "*", part(p), ">") }

// DeliveriesOf matches the deliveries of one channel and partition: the filter
// of a sender's pool.
func DeliveriesOf(ch delivery.Channel, p int) string {
	return join(deliveries, string(ch), part(p), ">")
}

// DeliveriesTo matches the deliveries to one subscription in one partition.
func DeliveriesTo(p int, owner, subscription string) string {
	return join(deliveries, "*", part(p), owner, subscription)
}

// AllDeliveries matches what DELIVERIES stores.
const AllDeliveries = deliveries + ".>"

// RetrySet is where the pending retry of one delivery is scheduled; publishing
// again replaces it, purging it cancels.
func RetrySet(ch delivery.Channel, deliveryID string) string {
	return join(retries, "set", string(ch), deliveryID)
}

// RetriesSet matches the pending retries of a channel.
func RetriesSet(ch delivery.Channel) string { return join(retries, "set", string(ch), "*") }

// RetryDue is where a due retry appears.
func RetryDue(ch delivery.Channel, p int, owner, subscription string) string {
	return join(retries, "due", string(ch), part(p), owner, subscription)
}

// RetriesDue matches the due retries of a channel.
func RetriesDue(ch delivery.Channel) string { return join(retries, "due", string(ch), ">") }

// HeadKept is where the bytes of a delivery are kept whose lane waits for it.
func HeadKept(ch delivery.Channel, owner, subscription, deliveryID string) string {
	return join(retries, "kept", string(ch), owner, subscription, deliveryID)
}

// HeadsKept matches what is kept for one in-order subscription.
func HeadsKept(ch delivery.Channel, owner, subscription string) string {
	return HeadKept(ch, owner, subscription, "*")
}

// HeadsKeptIn matches what is kept for the in-order subscriptions of a channel.
func HeadsKeptIn(ch delivery.Channel) string { return join(retries, "kept", string(ch), ">") }

// HeadsKeptOf matches what is kept for the in-order subscriptions of an owner.
func HeadsKeptOf(owner string) string { return join(retries, "kept", "*", owner, ">") }

// AllRetries matches what RETRIES stores.
const AllRetries = retries + ".>"

// ScheduleSet is where the timer of a moment, a second in Unix time, of a
// partition is scheduled.
func ScheduleSet(p int, unix int64) string { return moment("set", p, unix) }

// ScheduleDue is where the timer of a moment appears when it goes off.
func ScheduleDue(p int, unix int64) string { return moment("due", p, unix) }

// ScheduleKeys is where the keys of the invoices are noted for which something
// is due at a moment.
func ScheduleKeys(p int, unix int64) string { return moment("keys", p, unix) }

func moment(kind string, p int, unix int64) string {
	return join(schedules, kind, part(p), strconv.FormatInt(unix, 10))
}

// SchedulesSet matches every pending timer.
const SchedulesSet = schedules + ".set.>"

// SchedulesDue matches every due timer.
const SchedulesDue = schedules + ".due.>"

// SchedulesKeys matches the keys at every moment.
const SchedulesKeys = schedules + ".keys.>"

// AllSchedules matches what SCHEDULES stores.
const AllSchedules = schedules + ".>"

// Parked is where a delivery given up is kept.
func Parked(ch delivery.Channel, owner, subscription string) string {
	return join(parked, string(ch), owner, subscription)
}

// ParkedOf matches the parked deliveries of an owner. An empty channel matches
// all channels, an empty subscription all subscriptions.
func ParkedOf(ch delivery.Channel, owner, subscription string) string {
	if subscription == "" {
		subscription = "*"
	}
	return join(parked, anyOf(ch), owner, subscription)
}

// ParkedIn matches the parked deliveries of a channel.
func ParkedIn(ch delivery.Channel) string { return join(parked, string(ch), ">") }

// AllParked matches what PARKED stores.
const AllParked = parked + ".>"

// Outcome is where the outcome of an attempt is recorded.
func Outcome(ch delivery.Channel, result delivery.Result, owner, subscription string) string {
	return join(outcomes, string(ch), string(result), owner, subscription)
}

// OutcomesOf matches the outcomes of one subscription. An empty channel matches
// all channels.
func OutcomesOf(ch delivery.Channel, owner, subscription string) string {
	return join(outcomes, anyOf(ch), "*", owner, subscription)
}

// OutcomesOfOwner matches the outcomes of one owner, those of in-order
// subscriptions and the notes between them included. An empty channel matches
// all channels.
func OutcomesOfOwner(ch delivery.Channel, owner string) string {
	return join(outcomes, anyOf(ch), "*", owner, ">")
}

func anyOf(ch delivery.Channel) string {
	if ch == "" {
		return "*"
	}
	return string(ch)
}

// IsOrderedOutcome reports whether a subject of OUTCOMES is that of the holder
// of an in-order subscription.
func IsOrderedOutcome(s string) bool {
	return strings.HasSuffix(s, "."+ordered) && strings.Count(s, ".") == 5
}

// OrderedOutcome is where the outcome of an attempt of an in-order subscription
// is recorded. It has a place of its own because the holder of the subscription
// is the only one who may write there: a resend of one of its deliveries is
// recorded under [Outcome] like any other.
func OrderedOutcome(ch delivery.Channel, result delivery.Result, owner, subscription string) string {
	return join(Outcome(ch, result, owner, subscription), ordered)
}

// OrderedNote is where the holder of an in-order subscription writes a change
// of its position without an attempt. The message has no body.
func OrderedNote(ch delivery.Channel, owner, subscription string) string {
	return join(outcomes, string(ch), "note", owner, subscription, ordered)
}

// OrderedOutcomesOf matches the outcomes of an in-order subscription and the
// notes between them: its fence.
func OrderedOutcomesOf(ch delivery.Channel, owner, subscription string) string {
	return join(OutcomesOf(ch, owner, subscription), ordered)
}

// OutcomesIn matches the outcomes of a channel.
func OutcomesIn(ch delivery.Channel) string { return join(outcomes, string(ch), ">") }

// AllOutcomes matches what OUTCOMES stores.
const AllOutcomes = outcomes + ".>"

// Gap is where a cursor reports that retention overtook its checkpoint.
func Gap(cursor string) string { return join(gaps, cursor) }

// GapOfSeries is where an in-order subscription reports the same; key is that
// of [Series].
func GapOfSeries(key string) string { return join(gaps, "series", key) }

// GapsOfSeries matches what the in-order subscriptions of a channel report.
func GapsOfSeries(ch delivery.Channel) string { return GapOfSeries(SeriesOf(ch)) }

// GapOfQueue is where an event queue reports the same.
func GapOfQueue(owner, queue string) string { return join(gaps, QueueName(owner, queue)) }

// QueueName is what a queue is called in a report.
func QueueName(owner, queue string) string { return join("queue", owner, queue) }

// GapsOfQueues matches what event queues report.
const GapsOfQueues = gaps + ".queue.>"

// AllGaps matches what GAPS stores.
const AllGaps = gaps + ".>"

// AuditChanges is where it is kept who changed an owner's configuration. All
// that is written there goes through the owner's ledger.
func AuditChanges(owner string) string { return join(audit, owner, "changes") }

// AuditDeeds is where it is kept who did what else for an owner.
func AuditDeeds(owner string) string { return join(audit, owner, "deeds") }

// AuditOf matches what is kept of an owner's changes and deeds.
func AuditOf(owner string) string { return join(audit, owner, "*") }

// AllAudit matches what AUDIT stores.
const AllAudit = audit + ".>"

// ProbeAsk is where the senders of a channel are asked to try an endpoint. No
// stream stores it.
func ProbeAsk(ch delivery.Channel) string { return join(probes, "ask", string(ch)) }

// ProbeAnswer is where the answer to a question goes.
func ProbeAnswer(ch delivery.Channel, id string) string {
	return join(probes, "answer", string(ch), id)
}

// ProbeAnswers matches the answers of a channel's senders.
func ProbeAnswers(ch delivery.Channel) string { return ProbeAnswer(ch, "*") }

// IsProbeAnswer reports whether a subject is that of an answer of the channel.
func IsProbeAnswer(ch delivery.Channel, s string) bool {
	id, ok := strings.CutPrefix(s, ProbeAnswer(ch, ""))
	return ok && id != "" && !strings.ContainsAny(id, ".*>")
}
