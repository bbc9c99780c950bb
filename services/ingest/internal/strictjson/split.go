package strictjson

import "github.com/billhook/billhook/shared/fault"

// Elements cuts the text of an array into the texts of its elements, without
// looking into them: each is to be parsed for itself, so that one bad element
// is refused alone. The text must be valid JSON between the elements; what
// brackets and quotes leave unbalanced is a problem of the whole. Of more than
// most elements it returns one more than that and reads no further: a list of
// millions of empty ones would take many times the memory of its text.
func Elements(b []byte, most int) ([][]byte, fault.Problems) {
	s := scanner{text: string(b)}
	s.space()
	if s.peek() != '[' {
		return nil, s.syntax("an array")
	}
	s.pos++
	var out [][]byte
	if s.space(); s.peek() == ']' {
		s.pos++
		return nil, s.end()
	}
	for {
		s.space()
		start := s.pos
		if bad := s.skip(); bad != nil {
			return nil, bad
		}
		out = append(out, b[start:s.pos])
		if s.peek() == ']' {
			s.pos++
			return out, s.end()
		}
		if len(out) > most {
			return out, nil
		}
		s.pos++
	}
}

func (s *scanner) end() fault.Problems {
	if s.space(); s.pos < len(s.text) {
		return problem(RuleTrailing, "something follows the array at byte %d", s.pos)
	}
	return nil
}

// skip moves to the comma or bracket that ends an element.
func (s *scanner) skip() fault.Problems {
	start, depth := s.pos, 0
	for ; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case '"':
			s.quoted()
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return s.element(start)
			}
		case ',':
			if depth == 0 {
				return s.element(start)
			}
		}
	}
	return s.syntax("the end of the array")
}

func (s *scanner) element(start int) fault.Problems {
	if s.pos == start || s.text[s.pos] == '}' {
		return s.syntax("an element")
	}
	return nil
}

// quoted moves to the closing quote of a string.
func (s *scanner) quoted() {
	for s.pos++; s.pos < len(s.text) && s.text[s.pos] != '"'; s.pos++ {
		if s.text[s.pos] == '\\' {
			s.pos++
		}
	}
}
