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
)

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

// AllRetries matches what RETRIES stores.
const AllRetries = retries + ".>"

// ScheduleSet is where the timer of one plan is scheduled.
func ScheduleSet(owner, plan string) string { return join(schedules, "set", owner, plan) }

// ScheduleDue is where the due timer of one plan appears.
func ScheduleDue(owner, plan string) string { return join(schedules, "due", owner, plan) }

// SchedulesSet matches every pending timer.
const SchedulesSet = schedules + ".set.>"

// SchedulesDue matches every due timer.
const SchedulesDue = schedules + ".due.>"

// AllSchedules matches what SCHEDULES stores.
const AllSchedules = schedules + ".>"

// Parked is where a delivery given up is kept.
func Parked(ch delivery.Channel, owner, subscription string) string {
	return join(parked, string(ch), owner, subscription)
}

// ParkedIn matches the parked deliveries of a channel.
func ParkedIn(ch delivery.Channel) string { return join(parked, string(ch), ">") }

// AllParked matches what PARKED stores.
const AllParked = parked + ".>"

// Outcome is where the outcome of an attempt is recorded.
func Outcome(ch delivery.Channel, result delivery.Result, owner, subscription string) string {
	return join(outcomes, string(ch), string(result), owner, subscription)
}

// OutcomesOf matches the outcomes of one subscription.
func OutcomesOf(ch delivery.Channel, owner, subscription string) string {
	return join(outcomes, string(ch), "*", owner, subscription)
}

// OutcomesIn matches the outcomes of a channel.
func OutcomesIn(ch delivery.Channel) string { return join(outcomes, string(ch), ">") }

// AllOutcomes matches what OUTCOMES stores.
const AllOutcomes = outcomes + ".>"

// Gap is where a cursor reports that retention overtook its checkpoint.
func Gap(cursor string) string { return join(gaps, cursor) }

// AllGaps matches what GAPS stores.
const AllGaps = gaps + ".>"
