// Package owner is the tenant: the top of every key, with its time zone and
// its quotas. It refuses to know what belongs to an owner.
package owner

// Owner is a tenant.
type Owner struct {
	// ID begins every key and is a token of every subject of the owner.
	ID string `json:"id"`
	// Name is the value of the token Owner Name.
	Name string `json:"name"`
	// TimeZone is the IANA zone of accounts that have none of their own.
	TimeZone string `json:"time_zone,omitempty"`
	Quotas   Quotas `json:"quotas,omitzero"`
	Derive   Derive `json:"derive,omitzero"`
	// LargestX is the greatest number of days after a delivery that a
	// subscription may ask for, and how long delivered invoices are remembered:
	// 0 to [MostX]; nil means [DefaultX].
	LargestX *int `json:"largest_x,omitempty"`
}

// Days after a delivery.
const (
	// MostX is the greatest that any owner can allow.
	MostX = 3650
	// DefaultX is the greatest where the owner does not say.
	DefaultX = 400
)

// MaxDays returns the greatest number of days after a delivery that a
// subscription of the owner may ask for.
func (o *Owner) MaxDays() int {
	if o.LargestX == nil {
		return DefaultX
	}
	return *o.LargestX
}

// Derive says which events Billhook derives for a platform that does not send
// them. Zero derives none.
type Derive struct {
	// DormantAfterDays is after how many whole days without usage.seen a
	// service is dormant.
	DormantAfterDays int `json:"dormant_after_days,omitempty"`
	// Overdue says that an invoice is overdue when its due date has passed and
	// its balance is above zero.
	Overdue bool `json:"overdue,omitempty"`
}

// DormantMax is the greatest number of days of [Derive].
const DormantMax = 3650

// Quotas bound what ingest accepts from an owner. Zero means no bound.
type Quotas struct {
	// EventsPerSecond is the sustained rate of accepted events.
	EventsPerSecond int `json:"events_per_second,omitempty"`
	// EventsPerDay is the number of accepted events in a UTC day.
	EventsPerDay int64 `json:"events_per_day,omitempty"`
	// BytesPerDay is the encoded size of accepted events in a UTC day.
	BytesPerDay int64 `json:"bytes_per_day,omitempty"`
}
