// Package syntax reads templates: the part of Handlebars that can neither harm
// the process nor hide a mistake. It decides what is well formed and knows
// nothing of which tokens or helpers there are.
//
// A strict scanner of our own passes over the source first, because the parser
// of raymond must not see everything: it recurses as deep as its input nests
// (a stack overflow cannot be recovered), leaks a goroutine for every source
// that it refuses, and reads some mistakes as something else. What the scanner
// lets through, the parser accepts. It supplies the grammar and the handling of
// white space; evaluating is not left to it, see [Tree].
package syntax

// Problem is a broken rule at a byte of the source.
type Problem struct {
	Pos          int
	Rule, Detail string
}

// Tree is a template as a tree. It holds neither loops nor calls of templates,
// so walking it takes time in proportion to its size.
type Tree []Node

// Node is one of [*Text], [*Output] and [*Block].
type Node interface{ node() }

// Text stands for itself.
type Text struct {
	Value string
	Pos   int
}

// Output is replaced by a value.
type Output struct {
	Value Operand
	Pos   int
}

// Block is rendered one way or the other by its condition.
type Block struct {
	Call       *Call
	Then, Else Tree
	Pos        int
}

func (*Text) node()   {}
func (*Output) node() {}
func (*Block) node()  {}

// Operand is one of [*Token], [*Literal] and [*Call].
type Operand interface {
	// Position returns the byte of the source where the operand begins.
	Position() int
}

// Token names a token. Brackets are gone from its name.
type Token struct {
	Name string
	Pos  int
}

// Literal is a text, number or truth value written in the template.
type Literal struct {
	Kind LiteralKind
	Text string
	Pos  int
}

// LiteralKind tells the literals apart.
type LiteralKind uint8

// The kinds of literals.
const (
	Str LiteralKind = iota
	Num
	Bool
)

// Call names a helper with its arguments: at least one, or options.
type Call struct {
	Helper  string
	Args    []Operand
	Options []Option
	Pos     int
}

// Option is an argument with a name.
type Option struct {
	Name  string
	Value Operand
	Pos   int
}

// Position implements [Operand].
func (t *Token) Position() int { return t.Pos }

// Position implements [Operand].
func (l *Literal) Position() int { return l.Pos }

// Position implements [Operand].
func (c *Call) Position() int { return c.Pos }
