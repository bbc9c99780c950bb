package deploy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sources hold the reasons of webhooks' outcomes, as constants whose comment
// calls them so.
func sources() []string { return []string{"services/webhook-sender/internal", "streams/series"} }

var reasonRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ")

func TestThePageOfWebhooksHasTheReasonsOfTheCode(t *testing.T) {
	page := read(t, "docs/webhooks.md")
	_, table, _ := strings.Cut(page, "| reason | meaning |")
	var rows []string
	for _, m := range reasonRow.FindAllStringSubmatch(table, -1) {
		rows = append(rows, m[1])
	}
	slices.Sort(rows)
	var found []string
	for _, dir := range sources() {
		found = append(found, reasonsBelow(t, filepath.Join(root, dir))...)
	}
	slices.Sort(found)
	if d := cmp.Diff(slices.Compact(found), rows); d != "" || len(rows) < 20 {
		t.Errorf("docs/webhooks.md differs (-code +page):\n%s", d)
	}
	if !strings.Contains(table, "`status_…`") {
		t.Error("the page does not tell of statuses")
	}
}

func reasonsBelow(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, path), nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST && aboutReasons(g.Doc) {
				out = append(out, texts(g)...)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// aboutReasons tells a comment such as "The reasons why …" or "Gone is the
// reason of …".
func aboutReasons(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	text := doc.Text()
	return strings.HasPrefix(text, "The reasons ") || strings.Contains(text, " is the reason of ")
}

func texts(g *ast.GenDecl) []string {
	var out []string
	for _, s := range g.Specs {
		v, ok := s.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for _, value := range v.Values {
			if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					out = append(out, text)
				}
			}
		}
	}
	return out
}
