package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

// start runs a server with the buckets that these tests write.
func start(t *testing.T) (*natstest.Server, jetstream.JetStream) {
	t.Helper()
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return srv, js
}

var (
	one  = json.RawMessage(`{"n":1}`)
	user = json.RawMessage(`{"uses":"e"}`)
)

func put(bucketName, key string, value json.RawMessage) ledger.Decide {
	return func(ctx context.Context, v *ledger.View) (*ledger.Write, error) {
		e, err := v.Get(ctx, bucketName, key)
		if err != nil {
			return nil, err
		}
		return &ledger.Write{Bucket: bucketName, Key: key, Value: value, Expect: e.Revision}, nil
	}
}

// crashing loses what is published to one subject, as a writer does that dies
// just before.
type crashing struct {
	jetstream.JetStream
	subject string
}

func (c crashing) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if m.Subject == c.subject {
		return nil, nats.ErrConnectionClosed
	}
	return c.JetStream.PublishMsg(ctx, m, opts...)
}

func TestAWriterThatDiedIsFinishedByTheNext(t *testing.T) {
	_, js := start(t)
	l := ledger.Open(js)
	if _, err := l.Change(t.Context(), "acme", put(topology.Emails, "acme.a", one)); err != nil {
		t.Fatal(err)
	}
	dying := ledger.Open(crashing{js, topology.BucketKey(topology.Emails, "acme.b")})
	if _, err := dying.Change(t.Context(), "acme", put(topology.Emails, "acme.b", one)); err == nil {
		t.Fatal("the writer did not die")
	}
	var seen []string
	_, err := l.Change(t.Context(), "acme", func(ctx context.Context, v *ledger.View) (*ledger.Write, error) {
		entries, err := v.List(ctx, topology.Emails)
		for _, e := range entries {
			seen = append(seen, e.Key)
		}
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(seen) != "[acme.a acme.b]" {
		t.Errorf("the next writer sees %v", seen)
	}
}

func TestAnUndecidedChangeWritesNothing(t *testing.T) {
	_, js := start(t)
	refusal := fault.New(fault.Invalid, "check", "x", nil)
	_, err := ledger.Open(js).Change(t.Context(), "acme", func(context.Context, *ledger.View) (*ledger.Write, error) {
		return nil, refusal
	})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("err = %v", err)
	}
	e, err := bucket.Open(js, topology.Ledgers).Get(t.Context(), "acme")
	if err != nil || e.Revision != 0 {
		t.Errorf("record = %+v, %v", e, err)
	}
}

// TestWhatIsUsedIsNeverDeleted runs writers of several processes against the
// rule between two keys of different buckets: "s" may be written while "e"
// exists, and "e" deleted while "s" does not. Both at once would break it.
func TestWhatIsUsedIsNeverDeleted(t *testing.T) {
	srv, js := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var broken, done atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		l := ledger.Open(srv.JetStream(t)) // a process of its own
		for range 16 {
			wg.Go(func() {
				for range 4 {
					var found bool
					_, err := l.Change(ctx, "acme", step(&found))
					if err != nil && fault.KindOf(err) != fault.Conflict {
						t.Error(err)
						return
					}
					if err != nil {
						continue
					}
					// What a view showed counts only when the decision on it
					// stood: one whose reading others overtook is made again.
					done.Add(1)
					if found {
						broken.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	if broken.Load() > 0 {
		t.Errorf("%d times a writer found the user of what was deleted", broken.Load())
	}
	if done.Load() < 64 {
		t.Errorf("only %d changes were made", done.Load())
	}
	if ok, err := consistent(ctx, js); err != nil || !ok {
		t.Errorf("the end is inconsistent (%v)", err)
	}
}

// step toggles one of the two keys where the rule allows it, and notes whether
// its view broke the rule.
func step(broken *bool) ledger.Decide {
	return func(ctx context.Context, v *ledger.View) (*ledger.Write, error) {
		e, err := v.Get(ctx, topology.Emails, "acme.e")
		if err != nil {
			return nil, err
		}
		s, err := v.Get(ctx, topology.Subscriptions, "acme.s")
		if err != nil {
			return nil, err
		}
		*broken = s.Exists() && !e.Exists()
		email := ledger.Write{Bucket: topology.Emails, Key: "acme.e", Expect: e.Revision}
		sub := ledger.Write{Bucket: topology.Subscriptions, Key: "acme.s", Expect: s.Revision}
		switch {
		case s.Exists():
			return &sub, nil // stop using
		case !e.Exists():
			email.Value = one
			return &email, nil // make
		case rand.N(2) == 0:
			sub.Value = user
			return &sub, nil // use
		default:
			return &email, nil // delete
		}
	}
}

func consistent(ctx context.Context, js jetstream.JetStream) (bool, error) {
	e, err := bucket.Open(js, topology.Emails).Get(ctx, "acme.e")
	if err != nil {
		return false, err
	}
	s, err := bucket.Open(js, topology.Subscriptions).Get(ctx, "acme.s")
	return e.Exists() || !s.Exists(), err
}

func TestAWriteBeyondTheLimitIsRefused(t *testing.T) {
	_, js := start(t)
	big, err := json.Marshal(string(make([]byte, ledger.MaxValue)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = ledger.Open(js).Change(t.Context(), "acme", put(topology.Emails, "acme.a", big))
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("err = %v", err)
	}
}
