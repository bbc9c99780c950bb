package subscription_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/streams/topology"
)

// TestHistoryMatchesTheModel changes a subscription at random while events
// come, and compares with a plain list of which revision was in force when
// each event was accepted.
func TestHistoryMatchesTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &subscription.Subscription{}
		now := time.Unix(0, 0)
		var seq uint64
		var inForce []int // by event: the revision in force when it came
		current := 0
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "minutes")) * time.Minute)
			m := subscription.Moment{Seq: seq, At: now}
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				if s.Revision > 0 && !s.Deleted {
					s.Delete(m)
					current = 0
				}
			case 1, 2:
				spec := subscription.Spec{ID: "s", Active: new(rapid.Bool().Draw(t, "active"))}
				if err := s.Revise(spec, m); err != nil {
					t.Fatal(err)
				}
				current = 0
				if spec.Enabled() {
					current = s.Revision
				}
			default:
				seq++
				inForce = append(inForce, current)
			}
			s = restored(t, s)
		}
		for i, want := range inForce {
			at := uint64(i + 1)
			v, ok := s.VersionAt(at)
			if got := revision(v, ok); got != want {
				t.Fatalf("event %d is matched by revision %d, want %d: %+v", at, got, want, s.Versions)
			}
			if s.Revision > 0 && s.Ended(at) == ok {
				t.Fatalf("event %d: matched %v and ended %v", at, ok, s.Ended(at))
			}
			if ok {
				if n, found := s.Numbered(want); !found || n.Spec.ID != "s" {
					t.Fatalf("revision %d is not found", want)
				}
			}
		}
	})
}

func revision(v *subscription.Version, ok bool) int {
	if !ok {
		return 0
	}
	return v.Revision
}

// restored is what comes back from a bucket.
func restored(t *rapid.T, s *subscription.Subscription) *subscription.Subscription {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out := &subscription.Subscription{}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnEndedVersionIsKeptForEightDays(t *testing.T) {
	s := &subscription.Subscription{}
	at := func(h int, seq uint64) subscription.Moment {
		return subscription.Moment{Seq: seq, At: time.Unix(0, 0).Add(time.Duration(h) * time.Hour)}
	}
	for i, m := range []subscription.Moment{at(0, 10), at(1, 20), at(2, 30)} {
		if err := s.Revise(subscription.Spec{ID: "s", Name: string(rune('a' + i))}, m); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Versions) != 3 || s.Versions[0].Spec.Name != "a" || s.Versions[2].Spec.Name != "c" {
		t.Fatalf("versions = %+v", s.Versions)
	}
	const kept = 8 * 24
	s.Delete(at(kept+2, 40))
	if len(s.Versions) != 2 || s.PrunedUntil != 20 {
		t.Errorf("after 8 days and 2 h: %d versions, pruned until %d", len(s.Versions), s.PrunedUntil)
	}
	for seq, want := range map[uint64]bool{15: false, 20: false, 25: false, 40: false, 41: true} {
		if s.Ended(seq) != want {
			t.Errorf("event %d ended = %v", seq, !want)
		}
	}
	if s.Spent(at(2*kept+2, 0).At) || !s.Spent(at(2*kept+3, 0).At) {
		t.Error("a deleted subscription goes 8 days after its end")
	}
}

// An endpoint that is away has its deliveries wait for as long as DELIVERIES
// keeps them, and each is rendered by the version that matched.
func TestTheVersionOfADeliveryThatWaitsForItsEndpointIsKept(t *testing.T) {
	s := &subscription.Subscription{}
	matched := subscription.Moment{Seq: 10, At: time.Unix(0, 0)}
	if err := s.Revise(subscription.Spec{ID: "s", Name: "as matched"}, matched); err != nil {
		t.Fatal(err)
	}
	if err := s.Revise(subscription.Spec{ID: "s"}, subscription.Moment{Seq: 20, At: matched.At.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	last := matched.At.Add(topology.Defaults().DeliveriesAge)
	if err := s.Revise(subscription.Spec{ID: "s"}, subscription.Moment{Seq: 30, At: last}); err != nil {
		t.Fatal(err)
	}
	if v, ok := s.Numbered(1); !ok || v.Spec.Name != "as matched" {
		t.Errorf("a delivery made %s before names a version that is forgotten", last.Sub(matched.At))
	}
}

func TestTooManyChangesAreRefusedRatherThanForgotten(t *testing.T) {
	s := &subscription.Subscription{}
	m := subscription.Moment{At: time.Unix(0, 0)}
	for range subscription.MaxVersions {
		if err := s.Revise(subscription.Spec{}, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Revise(subscription.Spec{}, m); !errors.Is(err, subscription.ErrTooOften) {
		t.Errorf("err = %v", err)
	}
	m.At = m.At.Add(subscription.KeepEnded + time.Hour)
	if err := s.Revise(subscription.Spec{}, m); err != nil {
		t.Errorf("once they are old: %v", err)
	}
}

func TestTheOpenVersionIsStoredOnce(t *testing.T) {
	s := &subscription.Subscription{}
	if err := s.Revise(subscription.Spec{ID: "s", Name: "only here"}, subscription.Moment{Seq: 3}); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"s","name":"only here","events":null,"channel":"","revision":1,"versions":[{"revision":1,"from_seq":3}]}`
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Error(d)
	}
}
