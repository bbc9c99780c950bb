package architecture

import (
	"go/ast"
	"path"
)

// The tail is what separates readable trees from others, so the limits are on
// the largest, not on the median.
const (
	maxFileLines     = 500
	maxFunctionLines = 80
	maxMainLines     = 25
)

// Sizes finds files and functions that a reader cannot hold in mind: a file of
// more than 500 lines, a function of more than 80, and a command of a service
// that holds more than 25 lines of its own instead of calling a package.
// Generated files are not read and so not measured.
func Sizes(t *Tree) []string {
	var found []string
	for _, f := range t.Files {
		if f.Generated() {
			continue
		}
		if f.Lines > maxFileLines {
			found = append(found, t.problem(f.AST.FileStart, "file of %d lines, limit %d", f.Lines, maxFileLines))
		}
		if command(f) && f.Lines > maxMainLines {
			found = append(found, t.problem(f.AST.FileStart, "command of %d lines, limit %d", f.Lines, maxMainLines))
		}
		found = append(found, longFunctions(t, f)...)
	}
	return found
}

func command(f File) bool {
	inCmd, _ := path.Match("services/*/cmd/*", f.Dir())
	return inCmd && !f.Test()
}

func longFunctions(t *Tree, f File) []string {
	var found []string
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := t.line(fn.End()) - t.line(fn.Pos()) + 1; n > maxFunctionLines {
			found = append(found, t.problem(fn.Pos(), "function %s of %d lines, limit %d", fn.Name.Name, n, maxFunctionLines))
		}
	}
	return found
}
