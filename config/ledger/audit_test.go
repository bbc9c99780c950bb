package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// startAudited runs a server that has AUDIT too.
func startAudited(t *testing.T) (*natstest.Server, jetstream.JetStream) {
	t.Helper()
	srv, js := start(t)
	all := topology.Streams(topology.Defaults())
	i := slices.IndexFunc(all, func(c jetstream.StreamConfig) bool { return c.Name == topology.Audit })
	if _, err := js.CreateStream(t.Context(), all[i]); err != nil {
		t.Fatal(err)
	}
	return srv, js
}

// audited writes a key and keeps that under the same name.
func audited(key string, value json.RawMessage) ledger.Decide {
	return func(ctx context.Context, v *ledger.View) (*ledger.Write, error) {
		w, err := put(topology.Emails, key, value)(ctx, v)
		if w != nil {
			w.Entry = &audit.Entry{Owner: "acme", ID: key}
		}
		return w, err
	}
}

// kept lists the entries, oldest first.
func kept(t *testing.T, js jetstream.JetStream) []string {
	t.Helper()
	found, _, err := audit.List(t.Context(), js, audit.Query{Owner: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range found {
		out = append(out, e.ID)
	}
	slices.Reverse(out)
	return out
}

// TestAWriterThatDiedAnywhereIsKeptOnce has a writer die before each of its
// publishes that another has to make for it.
func TestAWriterThatDiedAnywhereIsKeptOnce(t *testing.T) {
	for name, lost := range map[string]string{
		"before the entry": subject.AuditChanges("acme"),
		"before the key":   topology.BucketKey(topology.Emails, "acme.b"),
	} {
		t.Run(name, func(t *testing.T) {
			_, js := startAudited(t)
			l := ledger.Open(js)
			if _, err := l.Change(t.Context(), "acme", audited("acme.a", one)); err != nil {
				t.Fatal(err)
			}
			if _, err := ledger.Open(crashing{js, lost}).Change(t.Context(), "acme", audited("acme.b", one)); err == nil {
				t.Fatal("the writer did not die")
			}
			for range 2 { // who reads finishes, and finishing again does nothing
				v, err := l.View(t.Context(), "acme")
				if err != nil {
					t.Fatal(err)
				}
				if e, err := v.Get(t.Context(), topology.Emails, "acme.b"); err != nil || !e.Exists() {
					t.Fatalf("not finished: %+v, %v", e, err)
				}
			}
			if diff := cmp.Diff([]string{"acme.a", "acme.b"}, kept(t, js)); diff != "" {
				t.Error(diff)
			}
			if _, err := l.Change(t.Context(), "acme", audited("acme.c", one)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"acme.a", "acme.b", "acme.c"}, kept(t, js)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingIsDecidedWhereNothingCanBeKept(t *testing.T) {
	_, js := start(t)
	_, err := ledger.Open(js).Change(t.Context(), "acme", audited("acme.a", one))
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), topology.Audit) {
		t.Errorf("err = %v", err)
	}
	for _, b := range []string{topology.Ledgers, topology.Emails} {
		if e, err := bucket.Open(js, b).Get(t.Context(), "acme"); err != nil || e.Revision != 0 {
			t.Errorf("%s: %+v, %v", b, e, err)
		}
	}
}

// TestEveryChangeIsKeptOnceInItsOrder has writers of several processes write
// their names to the same key. All that were told that they did are kept, and
// the last one kept is the one that stands there.
func TestEveryChangeIsKeptOnceInItsOrder(t *testing.T) {
	srv, js := startAudited(t)
	var mu sync.Mutex
	var made []string
	var wg sync.WaitGroup
	for p := range 3 {
		l := ledger.Open(srv.JetStream(t)) // a process of its own
		for w := range 4 {
			wg.Go(func() {
				for n := range 3 {
					name := fmt.Sprintf("%d-%d-%d", p, w, n)
					_, err := l.Change(t.Context(), "acme", named(name))
					if fault.KindOf(err) == fault.Conflict {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					made = append(made, name)
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if len(made) < 12 {
		t.Errorf("only %d changes were made", len(made))
	}
	all := kept(t, js)
	last, err := bucket.Open(js, topology.Emails).Get(t.Context(), "acme.a")
	if err != nil || string(last.Value) != strconv.Quote(all[len(all)-1]) {
		t.Errorf("%s was kept last, %s stands there (%v)", all[len(all)-1], last.Value, err)
	}
	slices.Sort(made)
	slices.Sort(all)
	if diff := cmp.Diff(made, all); diff != "" {
		t.Error(diff)
	}
}

// named writes a name, and keeps it.
func named(name string) ledger.Decide {
	return func(ctx context.Context, v *ledger.View) (*ledger.Write, error) {
		w, err := put(topology.Emails, "acme.a", json.RawMessage(strconv.Quote(name)))(ctx, v)
		if w != nil {
			w.Entry = &audit.Entry{Owner: "acme", ID: name}
		}
		return w, err
	}
}
