package notice

import "slices"

// Kind is the type of an operational event, as the catalogue has it.
type Kind string

// The kinds, with what each is about.
const (
	// EndpointDisabled, EndpointThrottled and EndpointRecovered are about an
	// endpoint.
	EndpointDisabled  Kind = "endpoint.disabled"
	EndpointThrottled Kind = "endpoint.throttled"
	EndpointRecovered Kind = "endpoint.recovered"
	// SMTPSettingsPaused is about a set of SMTP settings.
	SMTPSettingsPaused Kind = "smtp_settings.paused"
	// SubscriptionPaused and DeliveryParked are about a subscription.
	SubscriptionPaused Kind = "subscription.paused"
	DeliveryParked     Kind = "delivery.parked"
	// QueueOvertaken is about a queue.
	QueueOvertaken Kind = "queue.overtaken"
	// EventRejected is about the owner's events as a whole.
	EventRejected Kind = "event.rejected"
)

// Kinds returns all of them.
func Kinds() []Kind {
	return []Kind{
		EndpointDisabled, EndpointThrottled, EndpointRecovered, SMTPSettingsPaused, SubscriptionPaused, DeliveryParked, QueueOvertaken,
		EventRejected,
	}
}

// Operational reports whether events of that type are notices.
func Operational(eventType string) bool { return slices.Contains(Kinds(), Kind(eventType)) }
