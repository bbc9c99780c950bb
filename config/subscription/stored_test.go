package subscription

import (
	"testing"

	"github.com/billhook/billhook/shared/delivery"
)

// A matcher tells by this whether it knew a version or learns of it late.
func TestAClosedVersionSaysWhereItWasStored(t *testing.T) {
	var s Subscription
	for i := range uint64(3) {
		spec := Spec{ID: "hook", Events: []string{"sim.dormant"}, Channel: delivery.Webhook}
		if err := s.Revise(spec, Moment{Seq: i}); err != nil {
			t.Fatal(err)
		}
		s.Stored = 41 + i // as whoever reads it next sets it
	}
	for i, want := range []uint64{41, 42, 0} {
		if got := s.Versions[i].Stored; got != want {
			t.Errorf("version %d was stored at %d, want %d", i+1, got, want)
		}
	}
}
