package direct_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/direct"
	"github.com/billhook/billhook/streams/natstest"
)

// TestWalksTogetherVisitWhatStands compares walks of every size with what is
// stored, of subjects that are dense, sparse, at one end, or not there.
func TestWalksTogetherVisitWhatStands(t *testing.T) {
	js := natstest.Start(t).JetStream(t)
	s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"a.>"}, AllowDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	want := map[string][]uint64{}
	const messages = 3000
	for seq := uint64(1); seq <= messages; seq++ {
		below := "a.dense"
		switch n := random.IntN(100); {
		case seq < 40:
			below = "a.early"
		case seq > messages-30:
			below = "a.late"
		case n < 2:
			below = "a.sparse"
		case n < 4:
			below = "a.dense.deeper"
		case n < 30:
			below = "a.other"
		}
		want[below] = append(want[below], seq)
		if _, err := js.PublishAsync(fmt.Sprintf("%s.k%d", below, seq), nil); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	for below, seqs := range want {
		var left []uint64
		for _, seq := range seqs {
			if random.IntN(4) > 0 && (seq < 1000 || seq > 1900) { // a long gap too
				left = append(left, seq)
			} else if err := s.DeleteMsg(t.Context(), seq); err != nil {
				t.Fatal(err)
			}
		}
		want[below] = left
	}
	for _, below := range []string{"a.dense", "a.sparse", "a.early", "a.late", "a.none"} {
		for _, count := range []int{1, 7, 100, 1000} {
			var got []uint64
			for from, more := uint64(0), true; more; {
				visited := 0
				more, err = direct.Walk(t.Context(), js, direct.Steps{Stream: "S", Below: below, First: from, Count: count}, func(m *direct.Message) {
					got = append(got, m.Seq)
					from = m.Seq + 1
					visited++
				})
				if err != nil {
					t.Fatal(err)
				}
				if visited > count || more && visited < count {
					t.Errorf("%s: %d visited of %d, more %v", below, visited, count, more)
				}
			}
			if diff := cmp.Diff(want[below], got); diff != "" {
				t.Errorf("%s by %d (-want +got):\n%s", below, count, diff)
			}
		}
	}
}

func TestAWalkOfNoStreamIsUnavailable(t *testing.T) {
	js := start(t, 0)
	steps := direct.Steps{Stream: "NONE", Below: "a", Count: 1}
	if _, err := direct.Walk(t.Context(), js, steps, func(*direct.Message) {}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("err = %v", err)
	}
	steps = direct.Steps{Stream: "S", Below: "a", Count: 1}
	if more, err := direct.Walk(t.Context(), js, steps, func(*direct.Message) { t.Error("visited") }); more || err != nil {
		t.Errorf("an empty stream: more %v, %v", more, err)
	}
}
