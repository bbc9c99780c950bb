// Package strictjson reads JSON that foreigners wrote, without ever guessing.
// What parsers are known to read differently is refused instead of read in one
// of the ways: duplicate members, invalid UTF-8, lone surrogates, the NUL
// character, numbers that a float cannot hold, a byte order mark, anything
// behind the value. It refuses to convert: numbers keep their literal.
package strictjson

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/fault"
)

// The limits of a document.
const (
	// MaxDepth is the greatest nesting of objects and arrays.
	MaxDepth = 8
	// MaxDigits is the greatest number of digits of a number.
	MaxDigits = 32
	// MaxMembers is the greatest number of members of an object and of items
	// of an array.
	MaxMembers = 512
)

// The rules that [Parse] checks, as they appear in problems.
const (
	RuleSyntax    = "json.syntax"
	RuleUTF8      = "json.utf8"
	RuleSurrogate = "json.surrogate"
	RuleNUL       = "json.nul"
	RuleBOM       = "json.bom"
	RuleTrailing  = "json.trailing"
	RuleDepth     = "json.depth"
	RuleDuplicate = "json.duplicate"
	RuleNumber    = "json.number"
	RuleMembers   = "json.members"
)

// Parse reads b, which must hold exactly one JSON value. It stops at the first
// broken rule and returns it as the only problem, with the pointer of the value
// that breaks it.
func Parse(b []byte) (Node, fault.Problems) {
	if !utf8.Valid(b) {
		return Node{}, problem(RuleUTF8, "the text is not valid UTF-8 at byte %d", invalidAt(b))
	}
	s := scanner{text: string(b)}
	if strings.HasPrefix(s.text, "\ufeff") {
		return Node{}, problem(RuleBOM, "the text begins with a byte order mark; send it without")
	}
	s.space()
	n, bad := s.value(1)
	if bad != nil {
		return Node{}, bad
	}
	if s.space(); s.pos < len(s.text) {
		return Node{}, problem(RuleTrailing, "something follows the value at byte %d", s.pos)
	}
	return n, nil
}

func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}

func problem(rule, format string, args ...any) fault.Problems {
	return fault.Problems{{Rule: rule, Detail: fmt.Sprintf(format, args...)}}
}

// scanner walks valid UTF-8. Texts without escapes are cut out of the one
// copy, so a document costs few allocations.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the byte at hand, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) syntax(wanted string) fault.Problems {
	if s.pos >= len(s.text) {
		return problem(RuleSyntax, "the text ends where %s is expected", wanted)
	}
	return problem(RuleSyntax, "%s is expected at byte %d", wanted, s.pos)
}

func (s *scanner) value(depth int) (Node, fault.Problems) {
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	case c == '"':
		t, bad := s.str()
		return Node{Kind: String, Text: t}, bad
	case c == '-' || c >= '0' && c <= '9':
		t, bad := s.number()
		return Node{Kind: Number, Text: t}, bad
	default:
		return s.word()
	}
}

func (s *scanner) word() (Node, fault.Problems) {
	rest := s.text[s.pos:]
	for _, w := range [...]Node{{Kind: Null, Text: "null"}, {Kind: Bool, Text: "true"}, {Kind: Bool, Text: "false"}} {
		if strings.HasPrefix(rest, w.Text) {
			s.pos += len(w.Text)
			if w.Kind == Null {
				w.Text = ""
			}
			return w, nil
		}
	}
	return Node{}, s.syntax("a value")
}
