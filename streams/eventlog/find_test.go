package eventlog_test

import (
	"testing"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/eventlog"
)

func TestAnEventIsFoundByItsIDAmongItsOwners(t *testing.T) {
	l := start(t, 40)
	seq, err := eventlog.Find(t.Context(), l.js, "acme", "evt_7")
	if err != nil || seq != 7 {
		t.Errorf("%d, %v", seq, err)
	}
	for owner, id := range map[string]string{"acme": "evt_99", "other": "evt_7"} {
		if _, err := eventlog.Find(t.Context(), l.js, owner, id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s of %s: %v", id, owner, err)
		}
	}
}
