package target

import "github.com/billhook/billhook/shared/delivery"

// The reasons why a delivery has no target. Their text is the reason class of
// the outcome.
const (
	// Ended: the event lies behind the subscription's end, or in a time when
	// it was inactive.
	Ended = "subscription_ended"
	// Unknown: the subscription, or the version that matched, is not known.
	Unknown = "subscription_unknown"
	// Broken: a template of the version breaks a rule of today's checker.
	Broken = "template_broken"
	// EndpointUnknown: the endpoint does not exist.
	EndpointUnknown = "endpoint_unknown"
)

// What has a delivery wait for its endpoint.
const (
	// EndpointDisabled: the owner disabled the endpoint.
	EndpointDisabled = "endpoint_disabled"
	// EndpointUnusable: a signing secret cannot be opened, which is the
	// operator's to repair.
	EndpointUnusable = "endpoint_unusable"
)

// Refusal says why there is no target and what follows: Skipped, Parked, or
// Retrying for what somebody can repair.
type Refusal struct {
	Reason string
	Result delivery.Result
	// Endpoint is the endpoint's id where it is known.
	Endpoint string
	// Early is true where the configuration may be on its way: the matcher
	// heard of it before us.
	Early bool
	// Err is the detail for the operator, and for the owner where the owner
	// can repair it.
	Err error
}
