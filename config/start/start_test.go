package start_test

import (
	"testing"
	"time"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/start"
)

func TestAStartIsAWordOrAMoment(t *testing.T) {
	for text, want := range map[string]string{
		"": "now", "now": "now", "beginning": "beginning",
		"2026-11-01T00:00:00+02:00": "2026-10-31T22:00:00Z", "2026-11-01T00:00:00.5Z": "2026-11-01T00:00:00.5Z",
		"yesterday": "", "2026-11-01": "", "Now": "",
	} {
		var r field.Report
		got := start.Check(&r, "/start", text)
		if want == "" {
			if p := r.Problems(); len(p) != 1 || p[0].Pointer != "/start" || p[0].Rule != "start.form" {
				t.Errorf("%q: %v", text, p)
			}
			continue
		}
		if p := r.Problems(); got != want || len(p) > 0 {
			t.Errorf("%q is stored as %q, want %q: %v", text, got, want, p)
		}
	}
}

func TestAStartDoesNotLieAhead(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for text, ahead := range map[string]bool{
		"now": false, "beginning": false, "2026-11-01T12:00:00Z": false, "2026-11-01T12:00:00.000000001Z": true,
	} {
		var r field.Report
		if start.CheckPast(&r, "/start", text, now); (len(r.Problems()) > 0) != ahead {
			t.Errorf("%s: %v", text, r.Problems())
		}
	}
}
