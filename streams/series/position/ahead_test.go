package position_test

import (
	"testing"

	"github.com/billhook/billhook/streams/series/position"
)

// After a take-over the head of a lane may lie beyond what is read again. When
// it ended first, an event of another lane in between was lost.
func TestAHeadThatEndsAheadOfTheReadingHidesNothingBehindIt(t *testing.T) {
	tr := position.Track(position.Position{Watermark: 22, Lanes: map[string]position.Lane{"c": {First: 24, Attempts: 1, Kept: "d"}}})
	tr.Finish("c", 24, 0)
	if w := tr.Now().Watermark; w != 22 {
		t.Fatalf("the watermark moved to %d over what was not read", w)
	}
	if l := tr.Now().Lanes["c"]; l.First != 25 {
		t.Errorf("the lane is listed as %+v", l)
	}
	tr.Drop("c")
	tr.Open("e", 23)
	tr.Open("c", 24)
	if l := tr.Now().Lanes["c"]; l.First != 25 {
		t.Errorf("what is finished is forgotten: %+v", l)
	}
	tr.Finish("e", 23, 0)
	if w := tr.Now().Watermark; w != 24 {
		t.Errorf("the watermark is %d", w)
	}
}
