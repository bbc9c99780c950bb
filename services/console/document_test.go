package console_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the document anew")

func TestTheDocumentIsTheCommittedOne(t *testing.T) {
	got := start(t).send(t, ask{method: "GET", path: "/openapi.json"}).want(t, http.StatusOK).body
	golden := filepath.Join("..", "..", "docs", "openapi.json")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s; run with -update where that is meant (-want +got):\n%s", golden, diff)
	}
}
