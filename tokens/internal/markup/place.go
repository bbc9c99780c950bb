// Package markup finds out where in an HTML document the tags of a template
// stand, and refuses those whose value could become more than a text: markup,
// an attribute, a style, a script or the scheme of a link.
//
// It follows the tokenizer of the HTML standard through the literal parts of a
// template. A value cannot change the tokenizer's state where it is allowed to
// stand at all, and both ways of a condition must end in the same state, so
// what is found holds for every rendering. Elements whose content browsers and
// mail programs tokenize differently are refused as a whole.
package markup

import "github.com/billhook/billhook/tokens/internal/syntax"

// Place says how a value must be encoded.
type Place uint8

// The places.
const (
	Text Place = iota // in the text of an element, or in an attribute in quotes
	URL               // in an attribute in quotes, behind the host of a URL
)

// Places says where each output of a template stands.
type Places map[*syntax.Output]Place

// Find returns the place of every output, or everything that is refused.
func Find(tree syntax.Tree) (Places, []syntax.Problem) {
	w := walker{places: Places{}}
	end := w.tree(tree, state{})
	if end.mode != inText && len(w.problems) == 0 {
		w.refuse(w.left, "html.open", "the document ends inside "+end.where()+" that begins here")
	}
	return w.places, w.problems
}

// walker passes over a tree.
type walker struct {
	places   Places
	problems []syntax.Problem
	left     int // the byte at which the tokenizer last left plain text
}

func (w *walker) refuse(pos int, rule, detail string) {
	w.problems = append(w.problems, syntax.Problem{Pos: pos, Rule: rule, Detail: detail})
}

// tree passes over a part of the template and returns the state behind it.
func (w *walker) tree(tree syntax.Tree, s state) state {
	for _, node := range tree {
		switch n := node.(type) {
		case *syntax.Text:
			s = w.text(n, s)
		case *syntax.Output:
			w.output(n, s)
		case *syntax.Block:
			s = w.block(n, s)
		}
	}
	return s
}

func (w *walker) text(n *syntax.Text, s state) state {
	for i := range len(n.Value) {
		was := s.mode
		s = s.next(n.Value[i])
		if was == inText && s.mode != inText {
			w.left = n.Pos + i
		}
		if s.fault != "" {
			w.refuse(w.left, "html.element", s.fault)
			s.fault = ""
		}
	}
	return s
}

func (w *walker) output(n *syntax.Output, s state) {
	if rule, detail := s.refusal(); rule != "" {
		w.refuse(n.Pos, rule, detail)
		return
	}
	place, rule, detail := s.place()
	if rule != "" {
		w.refuse(n.Pos, rule, detail)
		return
	}
	w.places[n] = place
}

func (w *walker) block(n *syntax.Block, s state) state {
	if s.mode != inTag { // whole attributes may depend on a condition
		if rule, detail := s.refusal(); rule != "" {
			w.refuse(n.Pos, rule, detail)
		}
	}
	then, other := w.tree(n.Then, s), w.tree(n.Else, s)
	if then != other {
		w.refuse(n.Pos, "html.branches", "one way ends inside "+then.where()+", the other inside "+other.where()+
			"; both must end at the same place of the document")
	}
	return then
}
