package bucket_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) *bucket.Bucket {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if c.Name != topology.BucketStream(topology.Accounts) {
			continue
		}
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return bucket.Open(js, topology.Accounts)
}

func TestPagesTogetherHaveEveryKeyInTheOrderOfItsLastChange(t *testing.T) {
	b := open(t)
	put := func(key string, expect uint64) uint64 {
		revision, err := b.Put(t.Context(), key, []byte(key), expect)
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	revisions := map[string]uint64{}
	for i := range 10 {
		key := fmt.Sprintf("acme.%d", i)
		revisions[key] = put(key, 0)
		put(fmt.Sprintf("other.%d", i), 0)
	}
	put("acme.3", revisions["acme.3"])
	if _, err := b.Delete(t.Context(), "acme.5", revisions["acme.5"]); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for after, more := uint64(0), true; more; {
		var err error
		more, err = b.Page(t.Context(), bucket.Span{Below: "acme", After: after, Limit: 3}, func(e bucket.Entry) {
			after = e.Revision
			if e.Exists() && string(e.Value) != e.Key {
				t.Errorf("%s holds %q", e.Key, e.Value)
			}
			if e.Exists() {
				keys = append(keys, e.Key)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"acme.0", "acme.1", "acme.2", "acme.4", "acme.6", "acme.7", "acme.8", "acme.9", "acme.3"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
}
