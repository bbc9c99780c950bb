package syntax

import (
	"fmt"
	"strings"
)

// block passes over the tag that opens a block.
func (s *scanner) block(start int) *Problem {
	s.pos++
	s.space()
	if p := s.foreign(start); p != nil {
		return p
	}
	from := s.pos
	if p := s.call(start); p != nil {
		return p
	}
	s.open = append(s.open, opening{name: head(s.src[from:s.pos]), pos: start})
	return s.deep(start)
}

// head is the first word of a tag that is well formed.
func head(tag string) string {
	return tag[:strings.IndexAny(tag, " \t\n~}")]
}

// deep refuses blocks inside too many others. The parser recurses for every
// block and for every "else if".
func (s *scanner) deep(start int) *Problem {
	depth := len(s.open)
	for _, o := range s.open {
		depth += o.links
	}
	if depth > MaxDepth {
		return &Problem{start, "template.depth", fmt.Sprintf("blocks are nested deeper than %d, every else if counted", MaxDepth)}
	}
	return nil
}

// orElse passes over {{else}} and {{else if ...}}.
func (s *scanner) orElse(start int) *Problem {
	s.pos += len("else")
	if c := s.peek(); c != 0 && strings.IndexByte(" \t\n~}", c) < 0 {
		return &Problem{start, "template.name", "a tag must not begin with else, unless it is {{else}} or {{else if ...}}"}
	}
	if len(s.open) == 0 {
		return &Problem{start, "template.else", "{{else}} stands outside of a block"}
	}
	o := &s.open[len(s.open)-1]
	if o.orElse {
		return &Problem{start, "template.else", fmt.Sprintf("the {{#%s}} of this {{else}} has one already", o.name)}
	}
	s.space()
	if c := s.peek(); c == '~' || c == '}' || c == 0 {
		o.orElse = true
		return s.closed(start)
	}
	o.links++
	if p := s.deep(start); p != nil {
		return p
	}
	return s.call(start)
}

// end passes over the tag that closes a block.
func (s *scanner) end(start int) *Problem {
	s.pos++
	s.space()
	from := s.pos
	if p := s.name(start); p != nil {
		return p
	}
	name := s.src[from:s.pos]
	if len(s.open) == 0 {
		return &Problem{start, "template.close", fmt.Sprintf("{{/%s}} closes no block; is the # of {{#%[1]s}} missing?", name)}
	}
	o := s.open[len(s.open)-1]
	if o.name != name {
		return &Problem{start, "template.close", fmt.Sprintf("{{/%s}} stands where {{/%s}} is expected", name, o.name)}
	}
	s.open = s.open[:len(s.open)-1]
	return s.closed(start)
}
