package tokens

import (
	"strings"

	"github.com/billhook/billhook/tokens/internal/syntax"
)

// Literal returns the literal text of a template with a blank for every byte
// of a tag, so that each byte keeps its place: what a program sees that knows
// no templates. It reports false when src is not well formed.
func Literal(src string) (string, bool) {
	tree, p := syntax.Parse(src)
	if p != nil {
		return "", false
	}
	out := []byte(strings.Repeat(" ", len(src)))
	keepText(out, tree)
	return string(out), true
}

func keepText(out []byte, tree syntax.Tree) {
	for _, node := range tree {
		switch n := node.(type) {
		case *syntax.Text:
			copy(out[n.Pos:], n.Value)
		case *syntax.Block:
			keepText(out, n.Then)
			keepText(out, n.Else)
		}
	}
}
