package topology_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/streams/topology"
)

var update = flag.Bool("update", false, "write the goldens anew")

func TestTheWholeTopologyIsAsReviewed(t *testing.T) {
	s := topology.Defaults()
	s.Partitions = 2
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	err := enc.Encode(map[string]any{
		"streams": topology.Streams(s), "buckets": topology.Buckets(s), "durables": topology.Durables(s),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := out.Bytes()
	golden := filepath.Join("testdata", "topology.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("topology differs from %s (-want +got):\n%s", golden, diff)
	}
}
