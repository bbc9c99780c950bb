// Package topology is every stream, bucket, durable consumer and header of
// Billhook, as commented values, with the work of creating what lacks
// ([Ensure]) and of naming what differs ([Drift]). It refuses subjects, which
// are built and parsed by package subject, and it never changes or removes
// what exists: a change that may lose data is the operator's to make.
package topology

import (
	"strconv"

	"github.com/billhook/billhook/shared/delivery"
)

// Names of the streams. What each holds and why is said where it is built.
const (
	Inbox      = "INBOX"
	Rejected   = "REJECTED"
	Events     = "EVENTS"
	Deliveries = "DELIVERIES"
	Retries    = "RETRIES"
	Schedules  = "SCHEDULES"
	Parked     = "PARKED"
	Outcomes   = "OUTCOMES"
	Gaps       = "GAPS"
	Audit      = "AUDIT"
)

// Names of the buckets. What their keys are is said where they are built.
const (
	Owners        = "owners"
	Accounts      = "accounts"
	ContactTypes  = "contact_types"
	SMTP          = "smtp"
	Emails        = "emails"
	Endpoints     = "endpoints"
	Subscriptions = "subscriptions"
	Queues        = "queues"
	APIKeys       = "api_keys"
	Invoices      = "invoices"
	Leases        = "leases"
	Checkpoints   = "checkpoints"
	Ledgers       = "ledgers"
	Series        = "series"
	Controls      = "controls"
	EndpointState = "endpoint_state"
	QueueState    = "queue_state"
	Answers       = "answers"
	Suppressions  = "suppressions"
)

// Slots is into how many parts the in-order subscriptions of a channel are
// divided: each part has one holder. It is fixed for ever.
const Slots = 64

// Headers of Billhook's own messages.
const (
	// HeaderSource is the sequence, in the stream a cursor reads, of the
	// message that an output was made from.
	HeaderSource = "Billhook-Source"
	// HeaderIndex is "i/n": the place, from 1, of an output among all outputs
	// of its source.
	HeaderIndex = "Billhook-Index"
	// HeaderLanes is how far a cursor's readings have come behind an output,
	// where keys lag; see package cursor.
	HeaderLanes = "Billhook-Lanes"
	// HeaderEpoch is the epoch of the cursor's holder that wrote an output.
	HeaderEpoch = "Billhook-Epoch"
	// HeaderWrite counts the messages that one epoch wrote, from 1: with the
	// epoch it tells a writer whether a message is its own.
	HeaderWrite = "Billhook-Write"
	// HeaderPosition is the position of an in-order subscription behind an
	// outcome or a note, as JSON.
	HeaderPosition = "Billhook-Position"
)

// SchedulerDue is the durable consumer of the scheduler's due timers.
const SchedulerDue = "scheduler-due"

// SenderDurable is the durable consumer of the sender of a channel for one
// partition of DELIVERIES.
func SenderDurable(ch delivery.Channel, part int) string {
	return senderName(ch) + "-" + strconv.Itoa(part)
}

func senderName(ch delivery.Channel) string {
	if ch == delivery.Email {
		return "mailer"
	}
	return "sender-" + string(ch)
}

// RetriesDurable is the durable consumer of a channel's due retries.
func RetriesDurable(ch delivery.Channel) string { return "retries-" + string(ch) }

// BucketStream is the name of the stream behind a bucket.
func BucketStream(bucket string) string { return "KV_" + bucket }

// BucketKey is the subject of a key of a bucket, for writing it with an
// expectation and a TTL that the KV interface does not offer.
func BucketKey(bucket, key string) string { return "$KV." + bucket + "." + key }
