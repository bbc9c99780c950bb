package command_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/shared/spelling"
)

// TestNoSettingIsAMisspeltOther keeps a service from warning about what is
// another's setting, where all get the same environment.
func TestNoSettingIsAMisspeltOther(t *testing.T) {
	var names []string
	for _, s := range allinone.Settings() {
		names = append(names, s.Name)
		if s.Secret {
			names = append(names, s.Name+"_FILE")
		}
	}
	for i, a := range names {
		for _, b := range names[i+1:] {
			if spelling.Distance(a, b) <= 2 {
				t.Errorf("%s and %s are two letters apart", a, b)
			}
		}
	}
}

func TestUpWarnsOfAMisspeltSettingOnce(t *testing.T) {
	a := start(t, "WEBHOKK_TIMEOUT=1s")
	a.stop()
	printed := a.printed.String()
	if strings.Count(printed, "WEBHOKK_TIMEOUT") != 1 || !strings.Contains(printed, `"setting":"WEBHOOK_TIMEOUT"`) || !strings.Contains(printed, `"level":"warn"`) {
		t.Errorf("printed: %s", printed)
	}
}
