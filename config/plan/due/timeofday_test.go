package due

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTimeOfDayReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := TimeOfDay(rapid.IntRange(0, day-1).Draw(r, "at"))
		got, err := ParseTimeOfDay(want.String())
		if err != nil || got != want {
			r.Fatalf("%s was read as %s (%v)", want, got, err)
		}
		if want%60 == 0 {
			if got, err = ParseTimeOfDay(want.String()[:5]); err != nil || got != want {
				r.Fatalf("%s without seconds was read as %s (%v)", want, got, err)
			}
		}
	})
}

func TestTimeOfDayRefusesEverythingElse(t *testing.T) {
	for _, s := range []string{"", "9:00", "24:00", "23:60", "23:59:60", "09:00:00.5", "09:00:0", "9:00:00", "+9:00", "09-00", "09:00Z", " 09:00"} {
		if at, err := ParseTimeOfDay(s); err == nil {
			t.Errorf("%q was read as %s", s, at)
		}
	}
}
