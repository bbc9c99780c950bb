package architecture

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// subjectDir is the one package that joins and splits the dots of subjects.
const subjectDir = "streams/subject"

var firstToken = regexp.MustCompile(`^[a-z]+$`)

// Subjects finds product code that builds a subject by hand: a string that
// begins with a first token of streams/subject and a dot and is then joined,
// formatted or used as a pattern. File names such as "events.csv" are none.
func Subjects(t *Tree) []string {
	words := FirstTokens(t)
	var found []string
	for _, f := range t.Files {
		if f.Test() || f.Dir() == subjectDir {
			continue
		}
		joined := operands(f.AST)
		ast.Inspect(f.AST, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && builds(s, words, joined[lit]) {
				found = append(found, t.problem(lit.Pos(), "%s builds a subject outside %s", lit.Value, subjectDir))
			}
			return true
		})
	}
	return found
}

// builds says whether the text is the beginning or the pattern of a subject.
func builds(s string, words []string, joined bool) bool {
	first, rest, dotted := strings.Cut(s, ".")
	if !dotted || !slices.Contains(words, first) {
		return false
	}
	return joined || rest == "" || strings.ContainsAny(rest, "%*>")
}

// operands are the literals that the file joins to something else with a plus.
func operands(f *ast.File) map[*ast.BasicLit]bool {
	joined := map[*ast.BasicLit]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if sum, ok := n.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
			for _, side := range []ast.Expr{sum.X, sum.Y} {
				if lit, ok := side.(*ast.BasicLit); ok {
					joined[lit] = true
				}
			}
		}
		return true
	})
	return joined
}

// FirstTokens are the first tokens of the subjects: the constants of
// streams/subject that hold one plain word.
func FirstTokens(t *Tree) []string {
	var words []string
	for _, f := range t.Files {
		if f.Dir() != subjectDir || f.Test() {
			continue
		}
		for _, d := range f.AST.Decls {
			if constants, ok := d.(*ast.GenDecl); ok && constants.Tok == token.CONST {
				words = append(words, plainWords(constants)...)
			}
		}
	}
	return words
}

func plainWords(constants *ast.GenDecl) []string {
	var words []string
	for _, spec := range constants.Specs {
		for _, v := range spec.(*ast.ValueSpec).Values {
			lit, ok := v.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				continue
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && firstToken.MatchString(s) {
				words = append(words, s)
			}
		}
	}
	return words
}
