// Package architecture holds the shape of the source tree: which module may
// import which, how large files and functions may grow, what packages are
// called, and that subjects are built in one place. It reads every Go source,
// whatever its build tags, so that nothing hides from it.
package architecture

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// root begins the import path of every package of the tree; the rest is the
// package's folder.
const root = "github.com/billhook/billhook/"

// File is one Go source of the tree.
type File struct {
	Path  string // slash separated, from the root of the tree
	Lines int
	AST   *ast.File
}

// Dir is the folder of the file's package.
func (f File) Dir() string { return path.Dir(f.Path) }

// Test says whether the file is built for tests only.
func (f File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Generated says whether a program wrote the file, so that nobody reads it.
func (f File) Generated() bool { return ast.IsGenerated(f.AST) }

// Tree is every Go source below one folder, in the order of their paths.
type Tree struct {
	Files []File
	set   *token.FileSet
}

// Load parses every Go source of fsys. It leaves out what the go command leaves
// out (testdata, and folders that begin with a dot or an underscore). A source
// that does not parse is an error.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{set: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return t.add(fsys, name)
	})
	if err != nil {
		return nil, fmt.Errorf("load sources: %w", err)
	}
	return t, nil
}

func skipped(dir string) bool {
	return dir == "testdata" || len(dir) > 1 && (dir[0] == '.' || dir[0] == '_')
}

func (t *Tree) add(fsys fs.FS, name string) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(t.set, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, File{Path: name, Lines: bytes.Count(src, []byte("\n")), AST: file})
	return nil
}

// problem is a finding at a place: path:line: what.
func (t *Tree) problem(at token.Pos, format string, args ...any) string {
	p := t.set.Position(at)
	return fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
}

// line is the line of a place in its file.
func (t *Tree) line(at token.Pos) int { return t.set.Position(at).Line }
