package listing_test

import (
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/listing"
)

type thing = listing.Entry[int]

// TestAListingIsWhatSortingWouldGive changes things at random and compares the
// listing with one that is made anew.
func TestAListingIsWhatSortingWouldGive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.SampledFrom([]listing.Order{listing.ByID, listing.ByName}).Draw(t, "order")
		text := rapid.StringMatching(`[ab]{0,2}`)
		there := map[string]thing{}
		kept := listing.Of(order, maps.Values(there))
		for range rapid.IntRange(0, 40).Draw(t, "changes") {
			id := text.Draw(t, "id")
			var gone, come *thing
			if old, ok := there[id]; ok {
				gone = &old
				delete(there, id)
			}
			if rapid.Bool().Draw(t, "stays") {
				come = &thing{ID: id, Name: text.Draw(t, "name")}
				there[id] = *come
			}
			before := slices.Collect(kept.All())
			next := kept.Replace(gone, come)
			same(t, "the former listing", before, kept.All())
			kept = next
		}
		anew := slices.Collect(listing.Of(order, maps.Values(there)).All())
		same(t, "all", anew, kept.All())
		back := slices.Clone(anew)
		slices.Reverse(back)
		same(t, "backward", back, kept.Backward())
		place := thing{ID: text.Draw(t, "place"), Name: text.Draw(t, "place's name")}
		at := func(e thing) int {
			if order == listing.ByName {
				return slices.Compare([]string{e.Name, e.ID}, []string{place.Name, place.ID})
			}
			return slices.Compare([]string{e.ID}, []string{place.ID})
		}
		same(t, "after", slices.DeleteFunc(slices.Clone(anew), func(e thing) bool { return at(e) <= 0 }), kept.After(place))
		same(t, "before", slices.DeleteFunc(back, func(e thing) bool { return at(e) >= 0 }), kept.Before(place))
	})
}

func same(t *rapid.T, what string, want []thing, got iter.Seq[thing]) {
	t.Helper()
	if diff := cmp.Diff(append([]thing{}, want...), append([]thing{}, slices.Collect(got)...)); diff != "" {
		t.Fatalf("%s: %s", what, diff)
	}
}
