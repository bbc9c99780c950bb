package partition_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/services/matcher/internal/partition"
)

// What cannot be an owner is told in no delivery of the others.
func TestOnlyWhatMayBeAnOwnersNameLags(t *testing.T) {
	for name, owner := range map[string]string{
		"another space": "x\u00a0y", "a line": "x\u0085y", "an equals sign": "x=y", "too long": strings.Repeat("x", 65),
	} {
		if key := partition.Lanes(3, 0).Key("events.3." + owner + ".invoice.posted"); key != "" {
			t.Errorf("%s: %q", name, key)
		}
	}
	const owner = "acme"
	if key := partition.Lanes(3, 0).Key("events.3." + owner + ".invoice.posted"); key != owner {
		t.Errorf("%s: %q", owner, key)
	}
}
