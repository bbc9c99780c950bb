package spelling_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/spelling"
)

func TestDistanceCountsEdits(t *testing.T) {
	for names, want := range map[[2]string]int{
		{"", ""}: 0, {"a", ""}: 1, {"same", "same"}: 0, {"WEBHOKK", "WEBHOOK"}: 1, {"WEBHOKO", "WEBHOOK"}: 2, {"kitten", "sitting"}: 3,
	} {
		if got := spelling.Distance(names[0], names[1]); got != want {
			t.Errorf("%v: %d, want %d", names, got, want)
		}
	}
}

func TestDistanceIsOne(t *testing.T) {
	text := rapid.StringMatching("[abc]{0,8}")
	rapid.Check(t, func(r *rapid.T) {
		a, b, c := text.Draw(r, "a"), text.Draw(r, "b"), text.Draw(r, "c")
		ab := spelling.Distance(a, b)
		if ab != spelling.Distance(b, a) || (ab == 0) != (a == b) || ab > spelling.Distance(a, c)+spelling.Distance(c, b) {
			r.Fatalf("%q %q %q: %d", a, b, c, ab)
		}
	})
}
