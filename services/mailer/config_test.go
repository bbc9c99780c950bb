package mailer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

// A delay of half a second was refused as one that is not greater than 0.
func TestADelayThatIsTooShortIsSaidToBeTooShort(t *testing.T) {
	var c mailer.Config
	got := process.Load([]string{"MAILER_SETTINGS_RETRY=500ms", "MAILER_DOCUMENT_RETRY=500ms"}, &c)
	want := fault.Problems{
		process.Refuse("MAILER_SETTINGS_RETRY", "must be at least 1s"), process.Refuse("MAILER_DOCUMENT_RETRY", "must be at least 1s"),
	}
	if d := cmp.Diff(error(want), got); d != "" {
		t.Error(d)
	}
}
