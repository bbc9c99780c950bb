package due

import "testing"

func TestANoteSaysWhatClocksDoToAMoment(t *testing.T) {
	const skipped, twice = "clocks skip 02:30:00 that day", "clocks show this time twice; the first counts"
	for _, c := range []struct{ zone, delivered, want string }{
		{"Europe/Paris", "2026-03-28T10:00:00Z", skipped}, {"Europe/Paris", "2026-10-24T10:00:00Z", twice},
		{"Europe/Paris", "2026-11-24T10:00:00Z", ""}, {"UTC", "2026-03-28T10:00:00Z", ""},
	} {
		zone := location(t, c.zone)
		rule := Rule{Days: 1, At: 2*hour + 30*60}
		if got := Note(rule.After(moment(t, c.delivered), zone), rule.At, zone); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.zone, c.delivered, got, c.want)
		}
	}
}
