package owner

import (
	"math"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// Check returns the rules that o breaks.
func (o *Owner) Check() fault.Problems {
	var r field.Report
	r.ID("/id", o.ID)
	r.Name("/name", o.Name)
	r.Zone("/time_zone", o.TimeZone)
	r.Range("/quotas/events_per_second", int64(o.Quotas.EventsPerSecond), 0, math.MaxInt32)
	r.Range("/quotas/events_per_day", o.Quotas.EventsPerDay, 0, math.MaxInt)
	r.Range("/quotas/bytes_per_day", o.Quotas.BytesPerDay, 0, math.MaxInt)
	r.Range("/derive/dormant_after_days", int64(o.Derive.DormantAfterDays), 0, DormantMax)
	r.Range("/largest_x", int64(o.MaxDays()), 0, MostX)
	return r.Problems()
}
