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
}

// Quotas bound what ingest accepts from an owner. Zero means no bound.
type Quotas struct {
	// EventsPerSecond is the sustained rate of accepted events.
	EventsPerSecond int `json:"events_per_second,omitempty"`
	// EventsPerDay is the number of accepted events in a UTC day.
	EventsPerDay int64 `json:"events_per_day,omitempty"`
	// BytesPerDay is the encoded size of accepted events in a UTC day.
	BytesPerDay int64 `json:"bytes_per_day,omitempty"`
}
