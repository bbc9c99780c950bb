package inbox_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/services/ingest/internal/inbox"
)

// Anybody may publish under a name that no owner has: it is never told in the
// events of the others.
func TestOnlyWhatMayBeAnOwnersNameLags(t *testing.T) {
	for name, owner := range map[string]string{
		"another space": "x\u00a0y", "a line": "x\u0085y", "an equals sign": "x=y", "too long": strings.Repeat("x", 65),
	} {
		if key := inbox.Lanes(3, 0).Key("inbox.3.platform." + owner + ".invoice.posted"); key != "" {
			t.Errorf("%s: %q", name, key)
		}
	}
	const owner = "acme"
	if key := inbox.Lanes(3, 0).Key("inbox.3.platform." + owner + ".invoice.posted"); key != owner {
		t.Errorf("%s: %q", owner, key)
	}
}
