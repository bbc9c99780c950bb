package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() jetstream.StreamConfig {
	all := topology.Streams(topology.Defaults())
	return all[slices.IndexFunc(all, func(c jetstream.StreamConfig) bool { return c.Name == topology.Audit })]
}

func open(t *testing.T) jetstream.JetStream {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	if _, err := js.CreateStream(t.Context(), config()); err != nil {
		t.Fatal(err)
	}
	return js
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func deed(t testing.TB, js jetstream.JetStream, e audit.Entry) {
	t.Helper()
	if err := audit.Deed(context.Background(), js, &e); err != nil {
		t.Fatal(err)
	}
}

// ids lists what a query finds, page by page.
func ids(t testing.TB, js jetstream.JetStream, q audit.Query) [][]string {
	t.Helper()
	var out [][]string
	for {
		found, next, err := audit.List(context.Background(), js, q)
		if err != nil {
			t.Fatal(err)
		}
		page := []string{}
		for _, e := range found {
			page = append(page, e.ID)
		}
		if out = append(out, page); next == 0 {
			return out
		}
		q.Before = next
	}
}

// TestAChangeIsKeptOnceByWhoeverKeepsIt has many keep the changes of an owner at
// once, each as often as it likes, in the order in which they were decided.
func TestAChangeIsKeptOnceByWhoeverKeepsIt(t *testing.T) {
	js := open(t)
	var want []string
	for n := range 5 {
		after, err := audit.Last(t.Context(), js, "acme")
		if err != nil {
			t.Fatal(err)
		}
		e := audit.Entry{Owner: "acme", ID: fmt.Sprint(n), At: noon}
		want = append([]string{e.ID}, want...)
		deed(t, js, audit.Entry{Owner: "acme", ID: "deed", Resource: "deeds"}) // in between, in its own place
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 3 {
					if err := audit.Change(t.Context(), js, &e, after); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	found, _, err := audit.List(t.Context(), js, audit.Query{Owner: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range found {
		if e.Resource != "deeds" {
			got = append(got, e.ID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAChangeIsKeptThoughWhatItFollowsHasComeToItsAge(t *testing.T) {
	js := natstest.Start(t).JetStream(t)
	c := config()
	c.DenyPurge = false // the test's way to have entries age
	if _, err := js.CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	first := audit.Entry{Owner: "acme", ID: "first"}
	if err := audit.Change(t.Context(), js, &first, 0); err != nil {
		t.Fatal(err)
	}
	after, err := audit.Last(t.Context(), js, "acme")
	if err != nil || after == 0 {
		t.Fatal(after, err)
	}
	str, err := js.Stream(t.Context(), topology.Audit)
	if err != nil {
		t.Fatal(err)
	}
	if err := str.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := audit.Change(t.Context(), js, &audit.Entry{Owner: "acme", ID: "second"}, after); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([][]string{{"second"}}, ids(t, js, audit.Query{})); diff != "" {
		t.Error(diff)
	}
}

// TestNobodyRemovesAnEntry tries it with all the rights that there are.
func TestNobodyRemovesAnEntry(t *testing.T) {
	js := open(t)
	deed(t, js, audit.Entry{Owner: "acme", ID: "kept"})
	str, err := js.Stream(t.Context(), topology.Audit)
	if err != nil {
		t.Fatal(err)
	}
	rollup := &nats.Msg{Subject: subject.AuditDeeds("acme"), Header: nats.Header{"Nats-Rollup": {"sub"}}}
	_, rolled := js.PublishMsg(t.Context(), rollup)
	lax := config()
	lax.DenyDelete, lax.DenyPurge = false, false
	_, loosened := js.UpdateStream(t.Context(), lax)
	for what, err := range map[string]error{
		"delete": str.DeleteMsg(t.Context(), 1), "erase": str.SecureDeleteMsg(t.Context(), 1), "purge": str.Purge(t.Context()),
		"roll up": rolled, "loosen": loosened,
	} {
		if err == nil {
			t.Errorf("%s: allowed", what)
		}
	}
	if diff := cmp.Diff([][]string{{"kept"}}, ids(t, js, audit.Query{Owner: "acme"})); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsKeptWhereThereIsNoStream(t *testing.T) {
	js := natstest.Start(t).JetStream(t)
	_, lost := audit.Last(t.Context(), js, "acme")
	_, _, unread := audit.List(t.Context(), js, audit.Query{Owner: "acme"})
	for what, err := range map[string]error{
		"last": lost, "list": unread, "change": audit.Change(t.Context(), js, &audit.Entry{Owner: "acme"}, 0),
		"deed": audit.Deed(t.Context(), js, &audit.Entry{Owner: "acme"}),
	} {
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := audit.Deed(ctx, js, &audit.Entry{Owner: "acme"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWhatIsAskedForIsFoundNewestFirst(t *testing.T) {
	js := open(t)
	for i, e := range []audit.Entry{
		{Owner: "acme", ID: "a", Resource: "endpoints", Actor: audit.Actor{Kind: audit.Key, ID: "k1"}},
		{Owner: "other", ID: "b", Resource: "endpoints", Actor: audit.Actor{Kind: audit.Key, ID: "k2"}},
		{Owner: "acme", ID: "c", Resource: "accounts", Actor: audit.Actor{Kind: audit.CommandLine, ID: "operator"}},
		{Owner: id.Installation, ID: "d", Resource: "api-keys", Actor: audit.Actor{Kind: audit.Process}},
		{Owner: "acme", ID: "a", Resource: "endpoints", Actor: audit.Actor{Kind: audit.Key, ID: "k1"}},
	} {
		e.At = noon.Add(time.Duration(i) * time.Hour)
		deed(t, js, e)
	}
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	for name, row := range map[string]struct {
		q    audit.Query
		want [][]string
	}{
		"everything":        {audit.Query{}, [][]string{{"a", "d", "c", "b", "a"}}},
		"an owner's":        {audit.Query{Owner: "acme"}, [][]string{{"a", "c", "a"}}},
		"nobody's":          {audit.Query{Owner: "nobody"}, [][]string{{}}},
		"no owner's":        {audit.Query{Owner: id.Installation}, [][]string{{"d"}}},
		"by a key":          {audit.Query{Actor: "k1"}, [][]string{{"a", "a"}}},
		"by a kind":         {audit.Query{Actor: "command-line"}, [][]string{{"c"}}},
		"a resource's":      {audit.Query{Resource: "endpoints"}, [][]string{{"a", "b", "a"}}},
		"a thing's":         {audit.Query{Resource: "endpoints", ID: "b"}, [][]string{{"b"}}},
		"since":             {audit.Query{Since: at(3)}, [][]string{{"a", "d"}}},
		"until":             {audit.Query{Until: at(1)}, [][]string{{"b", "a"}}},
		"between":           {audit.Query{Owner: "acme", Since: at(1), Until: at(3)}, [][]string{{"c"}}},
		"page by page":      {audit.Query{Limit: 2}, [][]string{{"a", "d"}, {"c", "b"}, {"a"}}},
		"a page that fits":  {audit.Query{Limit: 5}, [][]string{{"a", "d", "c", "b", "a"}}},
		"pages of an owner": {audit.Query{Owner: "acme", Limit: 1}, [][]string{{"a"}, {"c"}, {"a"}}},
		"pages of a time":   {audit.Query{Since: at(1), Limit: 2}, [][]string{{"a", "d"}, {"c", "b"}}},
		"before all":        {audit.Query{Before: 1}, [][]string{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, ids(t, js, row.q)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPagesTogetherAreTheWhole compares pages with what was put in, over more
// stretches than one.
func TestPagesTogetherAreTheWhole(t *testing.T) {
	js := open(t)
	const total = 1000 // no more than a page may have
	owners := []string{"acme", "other", "rare"}
	of := func(n int) string {
		switch {
		case n%700 == 3:
			return owners[2]
		default:
			return owners[n%2]
		}
	}
	for n := range total {
		_, err := js.PublishAsync(subject.AuditDeeds(of(n)), fmt.Appendf(nil, `{"id":"%d","owner":%q}`, n, of(n)))
		if err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	for _, limit := range []int{1, 97, 256, total} {
		for _, owner := range append(owners, "") {
			if limit == 1 && owner != "rare" {
				continue
			}
			want := []string{}
			for n := total - 1; n >= 0; n-- {
				if owner == "" || of(n) == owner {
					want = append(want, fmt.Sprint(n))
				}
			}
			got := []string{}
			for _, page := range ids(t, js, audit.Query{Owner: owner, Limit: limit}) {
				if len(page) > limit {
					t.Fatalf("a page of %d, of at most %d", len(page), limit)
				}
				got = append(got, page...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pages of %d of %q:\n%s", limit, owner, diff)
			}
		}
	}
}
