package matter

import (
	"testing"

	"github.com/billhook/billhook/config/plan/due"
)

// They stand in buckets and in events that were fired: with another one, what was
// planned before an upgrade would be planned again, and fired twice.
func TestPlansAndKeysKeepTheirNamesOverAnUpgrade(t *testing.T) {
	rule, skipping := nine(3), nine(3)
	skipping.Calendar = due.Calendar("skip")
	for got, want := range map[string]string{
		ID("acme", "I-1", rule):     "pln_gmdqrmn325qhkep5vxm3bikwwi",
		ID("acme", "I-1", skipping): "pln_23ragdg3lirtzwi4d5klpdjdkq",
		derivedID(Overdue, &Matter{Owner: "acme", Account: "a1", Name: "I-1"}, "2026-03-28"): "pln_fbrm45kb2yclyvvnotlqnwpate",

		Key("acme", "a1", "I-1"):        "acme.a1.6ujy2ql3sbejp5if65eusdrwau",
		Key("acme", "", "I-1"):          "acme.=.6ujy2ql3sbejp5if65eusdrwau",
		ServiceKey("acme", "a1", "I-1"): "acme.a1.zqammzxnw2bxjwxjy7ppon5m2i",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
