package gather_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/gather"
	"github.com/billhook/billhook/streams/natstest"
)

// joining is a rig whose gatherer joins.
func joining(t testing.TB, opts ...natstest.Option) *rig {
	return setupWith(t, gather.NewJoining, opts...)
}

func record(subj, body string) *nats.Msg {
	return &nats.Msg{Subject: subj, Header: nats.Header{"Key": {body}}, Data: []byte(body)}
}

// stored reads the stream and returns, for each record, the sequence of its
// message; a line must match its value in the header and its subject.
func (r *rig) stored(t *testing.T) (seqs map[string]uint64, messages int) {
	t.Helper()
	str, err := r.js.Stream(r.ctx(), "OUT")
	if err != nil {
		t.Fatal(err)
	}
	seqs = map[string]uint64{}
	last := str.CachedInfo().State.LastSeq
	for seq := uint64(1); seq <= last; seq++ {
		m, err := str.GetMsg(r.ctx(), seq)
		if err != nil {
			t.Fatal(err)
		}
		lines, keys := bytes.Split(m.Data, []byte("\n")), m.Header["Key"]
		if len(lines) != len(keys) {
			t.Fatalf("sequence %d has %d lines and %d keys", seq, len(lines), len(keys))
		}
		for i, line := range lines {
			body := string(line)
			if _, again := seqs[body]; again || keys[i] != body || !bytes.HasPrefix(line, []byte(m.Subject)) {
				t.Fatalf("sequence %d of %s, line %d is %.40q with key %.40q; seen before: %t", seq, m.Subject, i, body, keys[i], again)
			}
			seqs[body] = seq
		}
	}
	return seqs, int(last)
}

func TestRecordsOfASubjectShareMessagesAndEachIsThereOnce(t *testing.T) {
	for name, opts := range map[string][]natstest.Option{"singles": nil, "batches": {natstest.WithSyncAlways()}} {
		t.Run(name, func(t *testing.T) {
			r := joining(t, opts...)
			var mu sync.Mutex
			told := map[string]uint64{}
			var wg sync.WaitGroup
			for p := range 200 {
				wg.Go(func() {
					for i := range 10 {
						subj := fmt.Sprintf("out.%d", p%3)
						body := fmt.Sprintf("%s/%d/%d", subj, p, i)
						seq, err := r.g.Publish(r.ctx(), record(subj, body))
						if err != nil {
							t.Errorf("publish %s: %v", body, err)
							return
						}
						mu.Lock()
						told[body] = seq
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			got, messages := r.stored(t)
			if len(got) != 2000 || messages > 1000 {
				t.Errorf("%d records in %d messages", len(got), messages)
			}
			for body, seq := range told {
				if got[body] != seq {
					t.Fatalf("%s is at sequence %d, its publisher was told %d", body, got[body], seq)
				}
			}
		})
	}
}

func TestARecordThatIsRefusedFailsAloneAmongThoseThatItWasJoinedWith(t *testing.T) {
	r := joining(t)
	str, err := r.js.UpdateStream(r.ctx(), jetstream.StreamConfig{
		Name: "OUT", Subjects: []string{"out.>"}, AllowAtomicPublish: true, AllowDirect: true, MaxMsgSize: 1 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			body := fmt.Sprintf("out.a/%d", i)
			if i == 77 {
				body += string(bytes.Repeat([]byte("x"), 2<<10))
			}
			_, err := r.g.Publish(r.ctx(), record("out.a", body))
			if i == 77 && fault.KindOf(err) != fault.Invalid {
				t.Errorf("the bad record got %v, want a refusal", err)
			}
			if i != 77 && err != nil {
				t.Errorf("record %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if got, _ := r.stored(t); len(got) != 299 {
		t.Errorf("%d records of 299 are stored; the stream has %d messages", len(got), str.CachedInfo().State.Msgs)
	}
}
