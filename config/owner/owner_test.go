package owner_test

import (
	"testing"

	"github.com/billhook/billhook/config/owner"
)

func TestEachRuleOfAnOwnerNamesItsField(t *testing.T) {
	for _, c := range []struct {
		rule    string
		change  func(*owner.Owner)
		pointer string
	}{
		{"all is well", func(*owner.Owner) {}, ""},
		{"nothing derived", func(o *owner.Owner) { o.Derive = owner.Derive{} }, ""},
		{"the most days", func(o *owner.Owner) { o.Derive.DormantAfterDays = owner.DormantMax }, ""},
		{"too many days", func(o *owner.Owner) { o.Derive.DormantAfterDays = owner.DormantMax + 1 }, "/derive/dormant_after_days"},
		{"days in the past", func(o *owner.Owner) { o.Derive.DormantAfterDays = -1 }, "/derive/dormant_after_days"},
		{"negative quota", func(o *owner.Owner) { o.Quotas.BytesPerDay = -1 }, "/quotas/bytes_per_day"},
		{"no zone of that name", func(o *owner.Owner) { o.TimeZone = "Mars/Olympus" }, "/time_zone"},
	} {
		o := owner.Owner{ID: "acme", Name: "Acme", Derive: owner.Derive{DormantAfterDays: 30, Overdue: true}}
		c.change(&o)
		got := ""
		for _, p := range o.Check() {
			got += p.Pointer
		}
		if got != c.pointer {
			t.Errorf("%s: problems at %q, want %q", c.rule, got, c.pointer)
		}
	}
}
