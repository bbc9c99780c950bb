package direct_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/direct"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns a stream S with messages 1 to n, by turns of a.x and a.y.
func start(t *testing.T, n int) jetstream.JetStream {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"a.*"}, AllowDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := js.Publish(t.Context(), "a."+[]string{"x", "y"}[i%2], []byte(strconv.Itoa(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	return js
}

func TestASpanIsReadInOrderAndSaysWhetherThereIsMore(t *testing.T) {
	js := start(t, 9)
	for _, row := range []struct {
		name string
		span direct.Span
		want []uint64
		more bool
	}{
		{"all", direct.Span{Batch: 20}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, false},
		{"all there is, to the last", direct.Span{Batch: 9}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}, false},
		{"a part", direct.Span{First: 3, Batch: 2}, []uint64{3, 4}, true},
		{"of a subject", direct.Span{Subject: "a.y", First: 3, Batch: 2}, []uint64{4, 6}, true},
		{"of a subject, to the last", direct.Span{Subject: "a.y", First: 3, Batch: 3}, []uint64{4, 6, 8}, false},
		{"nothing", direct.Span{First: 10, Batch: 5}, nil, false},
		{"of no such subject", direct.Span{Subject: "a.z", Batch: 5}, nil, false},
		{"from a moment on", direct.Span{Since: time.Unix(1, 0), Batch: 1}, []uint64{1}, true},
		{"from a moment to come", direct.Span{Since: time.Now().Add(time.Hour), Batch: 1}, nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.span.Stream = "S"
			var got []uint64
			more, err := direct.Read(t.Context(), js, row.span, func(m *direct.Message) {
				if string(m.Data) != strconv.FormatUint(m.Seq, 10) || m.Subject == "" || m.Time.IsZero() {
					t.Errorf("message %+v", m)
				}
				got = append(got, m.Seq)
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" || more != row.more {
				t.Errorf("more %v, want %v; (-want +got):\n%s", more, row.more, diff)
			}
		})
	}
}

func TestAStreamThatDoesNotAnswerIsUnavailable(t *testing.T) {
	js := start(t, 0)
	_, err := direct.Read(t.Context(), js, direct.Span{Stream: "NONE", Batch: 1}, func(*direct.Message) {})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("err = %v", err)
	}
}
