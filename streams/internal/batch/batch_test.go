package batch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/internal/batch"
	"github.com/billhook/billhook/streams/natstest"
)

func stream(t *testing.T) (context.Context, jetstream.JetStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	js := natstest.Start(t).JetStream(t)
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, AllowAtomicPublish: true})
	if err != nil {
		t.Fatal(err)
	}
	return ctx, js
}

func msgs(n int) []*nats.Msg {
	out := make([]*nats.Msg, n)
	for i := range out {
		out[i] = &nats.Msg{Subject: "s.a", Data: []byte("x")}
	}
	return out
}

func TestABatchIsStoredWholeAndLeavesItsMessagesAsTheyWere(t *testing.T) {
	ctx, js := stream(t)
	group := msgs(3)
	for i := range uint64(3) {
		last, err := batch.Publish(ctx, js, group)
		if err != nil || last != 3*(i+1) {
			t.Fatalf("last %d, %v", last, err)
		}
		for _, m := range group {
			if len(m.Header) > 0 || m.Reply != "" {
				t.Fatalf("message keeps %v, reply %q", m.Header, m.Reply)
			}
		}
	}
}

func TestARefusedBatchStoresNothingAndSaysWhy(t *testing.T) {
	ctx, js := stream(t)
	if _, err := js.Publish(ctx, "s.a", nil, jetstream.WithMsgID("1")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key, value string
		want       batch.Verdict
	}{
		"another is the last":    {jetstream.ExpectedLastSubjSeqHeader, "7", batch.Moved},
		"the id is known":        {jetstream.MsgIDHeader, "1", batch.Duplicate},
		"it is for another":      {jetstream.ExpectedStreamHeader, "OTHER", batch.Refused},
		"its header is nonsense": {jetstream.MsgTTLHeader, "nonsense", batch.Refused},
	} {
		group := msgs(4)
		group[0].Header = nats.Header{c.key: {c.value}}
		_, err := batch.Publish(ctx, js, group)
		if got := batch.Judge(err); got != c.want {
			t.Errorf("%s: verdict %d of %v, want %d", name, got, err, c.want)
		}
	}
	str, err := js.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if n := str.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages stored, want 1", n)
	}
}

func TestWhatIsNotCertainIsUnknown(t *testing.T) {
	for _, err := range []error{
		nil, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrConnectionClosed, nats.ErrNoResponders, errors.New("?"),
		&jetstream.APIError{Code: 503, ErrorCode: 10077}, &jetstream.APIError{Code: 500, ErrorCode: 10009},
	} {
		if got := batch.Judge(err); got != batch.Unknown {
			t.Errorf("%v: verdict %d, want unknown", err, got)
		}
	}
	passing := fmt.Errorf("write: %w", &jetstream.APIError{Code: 400, ErrorCode: 10176})
	if got := batch.Judge(passing); got != batch.Passing {
		t.Errorf("%v: verdict %d, want passing", passing, got)
	}
}

func TestAFitIsAtLeastOneMessageAndAtMostABatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 3<<20), 1, 900).Draw(t, "sizes")
		buffer := make([]byte, 3<<20)
		group := make([]*nats.Msg, len(sizes))
		for i, n := range sizes {
			group[i] = &nats.Msg{Subject: "s.a", Data: buffer[:n]}
		}
		n := batch.Fit(group)
		total := 0
		for _, m := range group[:n] {
			total += m.Size()
		}
		switch {
		case n < 1 || n > batch.MaxMessages:
			t.Fatalf("%d messages", n)
		case n > 1 && total > batch.MaxBytes:
			t.Fatalf("%d messages of %d bytes", n, total)
		case n < len(group) && n < batch.MaxMessages && total+group[n].Size() <= batch.MaxBytes:
			t.Fatalf("%d messages, one more would fit", n)
		}
	})
}

func TestThePaceFindsTheFasterWay(t *testing.T) {
	for _, c := range []struct {
		name          string
		single, batch time.Duration
		few, many     bool // is a group of 10, of 100, a batch?
	}{
		{"no sync", 30 * time.Microsecond, 4 * time.Millisecond, false, false},
		{"sync of every write", 2 * time.Millisecond, 5 * time.Millisecond, true, true},
		{"a busy machine", 400 * time.Microsecond, 4 * time.Millisecond, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := batch.NewPace(0)
			for i := range 2000 {
				n := []int{1, 10, 100}[i%3]
				if p.Batched(n) {
					p.Learn(true, n, c.batch+time.Duration(n)*20*time.Microsecond)
				} else {
					p.Learn(false, n, time.Duration(n)*c.single)
				}
			}
			if p.Batched(1) {
				t.Error("one message is a batch")
			}
			if few, many := p.Batched(10), p.Batched(100); few != c.few || many != c.many {
				t.Errorf("10 and 100 are batches: %t and %t, want %t and %t", few, many, c.few, c.many)
			}
		})
	}
}

func TestWhereOneMessageIsQuickASmallGroupIsNoBatchHoweverSlowTheRest(t *testing.T) {
	p := batch.NewPace(128)
	for range 100 {
		for range 31 {
			p.Learn(false, 1, 20*time.Millisecond)
		}
		p.Learn(false, 1, 100*time.Microsecond)
		if p.Batched(100) {
			t.Fatal("a batch, which holds up everybody, though the server does not sync")
		}
	}
}

func TestAHiccupChangesThePaceLittle(t *testing.T) {
	p := batch.NewPace(0)
	for range 100 {
		p.Learn(false, 1, 2*time.Millisecond)
		p.Learn(true, 10, 4*time.Millisecond)
	}
	p.Learn(true, 10, 10*time.Second)
	if !p.Batched(10) {
		t.Error("one slow batch ended batching")
	}
}

func TestLargeFencedGroupsAreAlwaysBatches(t *testing.T) {
	p := batch.NewPace(128)
	for range 1000 {
		p.Learn(false, 1, time.Microsecond)
	}
	if !p.Batched(128) || p.Batched(1) {
		t.Error("the forced size does not hold")
	}
}
