package document_test

import (
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/document"
)

// TestAFileCostsNoMoreThanItsSize gives the parser what nests without end.
// Each took it minutes, or its stack, without the look before.
func TestAFileCostsNoMoreThanItsSize(t *testing.T) {
	var steps strings.Builder
	for n := range 2_000 {
		steps.WriteString(strings.Repeat(" ", n) + "a:\n")
	}
	for name, src := range map[string]string{
		"brackets":          strings.Repeat("[", 200_000),
		"braces":            strings.Repeat("{a: ", 100_000),
		"entries":           strings.Repeat("- ", 200_000),
		"keys":              strings.Repeat("? ", 200_000),
		"documents":         strings.Repeat("--- a\n", 100_000),
		"brackets by lines": strings.Repeat("[\n", 100_000),
		"indentation":       steps.String(),
		"comments":          strings.Repeat("[ # ]\n", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			if _, p := document.ParseYAML([]byte(src)); len(p) == 0 {
				t.Error("accepted")
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s", took)
			} else {
				t.Logf("took %s", took)
			}
		})
	}
}

func TestTheDeepestDocumentIsTaken(t *testing.T) {
	n := document.MaxDepth
	for _, src := range []string{
		"a: " + strings.Repeat("[", n-1) + strings.Repeat("]", n-1),
		strings.Repeat("---\na: b\n", document.MaxDocuments),
	} {
		if _, p := document.ParseYAML([]byte(src)); p != nil {
			t.Error(p)
		}
	}
}
