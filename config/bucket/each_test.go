package bucket_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/bucket"
)

func TestEachVisitsTheKeysThatExistInTheOrderOfTheirLastChange(t *testing.T) {
	b := open(t)
	put := func(key string, expect uint64) uint64 {
		revision, err := b.Put(t.Context(), key, []byte(key), expect)
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	first, gone := put("acme.1", 0), put("acme.2", 0)
	put("other.1", 0)
	again := put("acme.1", first)
	if _, err := b.Delete(t.Context(), "acme.2", gone); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keys   bucket.Keys
		want   []string
		values bool
	}{
		{bucket.Keys{}, []string{"other.1", "acme.1"}, true},
		{bucket.Keys{Patterns: []string{"acme.>"}}, []string{"acme.1"}, true},
		{bucket.Keys{Patterns: []string{"other.>", "acme.>"}, Bare: true}, []string{"other.1", "acme.1"}, false},
		{bucket.Keys{Patterns: []string{"nobody.>"}}, nil, true},
	} {
		var got []string
		err := b.Each(t.Context(), c.keys, func(e bucket.Entry) error {
			got = append(got, e.Key)
			if e.Key == "acme.1" && e.Revision != again || !e.Exists() || (string(e.Value) == e.Key) != c.values {
				t.Errorf("%+v: %s is %q at %d", c.keys, e.Key, e.Value, e.Revision)
			}
			return nil
		})
		if err != nil || !cmp.Equal(c.want, got) {
			t.Errorf("%+v: %v (%v), want %v", c.keys, got, err, c.want)
		}
	}
}
