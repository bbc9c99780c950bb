package tokens

import "strings"

// piece is a part of a template made ready.
type piece interface {
	write(w *writer, v Values)
}

// text is written as it stands.
type text string

// output is written as the encoding of a value.
type output struct {
	get    getter
	encode func(string) string
}

// block is written one way or the other.
type block struct {
	holds       predicate
	then, other []piece
}

func (t text) write(w *writer, _ Values) { w.add(string(t)) }

func (o output) write(w *writer, v Values) { w.add(o.encode(o.get(v).Text())) }

func (b block) write(w *writer, v Values) {
	if b.holds(v) {
		w.all(b.then, v)
	} else {
		w.all(b.other, v)
	}
}

// writer gathers what is rendered, up to a bound: a few bytes of template can
// ask for a long value again and again.
type writer struct {
	strings.Builder
	full bool
}

func (w *writer) all(pieces []piece, v Values) {
	for _, p := range pieces {
		if w.full {
			return
		}
		p.write(w, v)
	}
}

func (w *writer) add(s string) {
	if w.full = w.full || w.Len()+len(s) > MaxOutput; !w.full {
		w.WriteString(s)
	}
}
