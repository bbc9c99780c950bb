package leader_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheNewestMessageIsFoundWhereALaterOneWasRemoved(t *testing.T) {
	for _, c := range []struct {
		name     string
		subjects []string
		removed  []uint64
		filter   string
		want     uint64
	}{
		{"nothing removed", []string{"a", "a.b"}, nil, ">", 2},
		{"the last removed, the newest of one token", []string{"a.b", "a", "a.b.c"}, []uint64{3}, ">", 2},
		{"the last removed, the newest of several tokens", []string{"a", "a.b", "a.b.c"}, []uint64{3}, ">", 2},
		{"the last two removed", []string{"a.b", "a.c", "a.d"}, []uint64{2, 3}, ">", 1},
		{"all removed", []string{"a"}, []uint64{1}, ">", 0},
		{"nothing stored", nil, nil, ">", 0},
		{"another filter", []string{"a.b", "a.c", "a.b.c"}, []uint64{3}, "a.>", 2},
		{"one subject", []string{"a.b", "a.c"}, nil, "a.b", 1},
	} {
		for _, storage := range []jetstream.StorageType{jetstream.FileStorage, jetstream.MemoryStorage} {
			t.Run(c.name+"/"+storage.String(), func(t *testing.T) {
				t.Parallel()
				js := natstest.Start(t).JetStream(t)
				s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"a", "a.>"}, Storage: storage})
				for _, subject := range c.subjects {
					if err == nil {
						_, err = js.Publish(t.Context(), subject, nil)
					}
				}
				for _, seq := range c.removed {
					if err == nil {
						err = s.DeleteMsg(t.Context(), seq)
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, err := leader.Last(t.Context(), js, "S", c.filter); got.Seq != c.want || err != nil {
					t.Errorf("sequence %d (%v), want %d", got.Seq, err, c.want)
				}
			})
		}
	}
}
