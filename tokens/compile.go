package tokens

import (
	"maps"
	"slices"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens/internal/encode"
	"github.com/billhook/billhook/tokens/internal/markup"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

// compiler turns the tree of one template into pieces and gathers problems.
type compiler struct {
	catalogue *Catalogue
	use       Use
	problems  []syntax.Problem
	used      map[string]bool
	places    markup.Places
	legal     []Token // what may be used, once it was asked for
}

// getter is an operand made ready: it gives its value for a delivery.
type getter func(v Values) event.Value

func (k *compiler) refuse(pos int, rule, detail string) {
	k.problems = append(k.problems, syntax.Problem{Pos: pos, Rule: rule, Detail: detail})
}

// place finds out how each output is encoded.
func (k *compiler) place(tree syntax.Tree) {
	if k.use.Output == HTML {
		places, problems := markup.Find(tree)
		k.places = places
		k.problems = append(k.problems, problems...)
	}
}

func (k *compiler) tree(tree syntax.Tree) []piece {
	var out []piece
	for _, node := range tree {
		switch n := node.(type) {
		case *syntax.Text:
			out = append(out, text(n.Value))
		case *syntax.Output:
			if get, _ := k.operand(n.Value); get != nil {
				out = append(out, output{get: get, encode: k.encoder(n)})
			}
		case *syntax.Block:
			out = append(out, k.block(n))
		}
	}
	return out
}

func (k *compiler) block(n *syntax.Block) piece {
	if k.use.Output == URLPath {
		k.refuse(n.Pos, "path.block", "a path holds tokens, but no blocks")
	}
	return block{holds: k.condition(n), then: k.tree(n.Then), other: k.tree(n.Else)}
}

// encoder returns how an output is written.
func (k *compiler) encoder(n *syntax.Output) func(string) string {
	switch k.use.Output {
	case HTML:
		if k.places[n] == markup.URL {
			return encode.URL
		}
		return encode.HTML
	case HeaderLine:
		return encode.Line
	case URLPath, URLQuery:
		return encode.URL
	default: // Text, and JSONValue, which is encoded as a whole
		return encode.Text
	}
}

// operand returns an operand made ready and its type. Both are zero when it was
// refused.
func (k *compiler) operand(o syntax.Operand) (getter, Type) {
	switch o := o.(type) {
	case *syntax.Token:
		t, ok := k.token(o)
		if !ok {
			return nil, ""
		}
		return func(v Values) event.Value { return v.of(t) }, t.Type
	case *syntax.Literal:
		value := literal(o)
		return func(Values) event.Value { return value }, ""
	case *syntax.Call:
		return k.call(o)
	}
	return nil, ""
}

func literal(l *syntax.Literal) event.Value {
	switch l.Kind {
	case syntax.Num:
		return event.Num(l.Text)
	case syntax.Bool:
		return event.Boolean(l.Text == "true")
	default:
		return event.Str(l.Text)
	}
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
