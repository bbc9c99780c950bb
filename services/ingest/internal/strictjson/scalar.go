package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/billhook/billhook/shared/fault"
)

// str reads a string whose opening quote is at hand.
func (s *scanner) str() (string, fault.Problems) {
	s.pos++
	start := s.pos
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return s.text[start : s.pos-1], nil
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			return "", problem(RuleSyntax, "an unescaped control character in a string at byte %d", s.pos)
		default:
			s.pos++
		}
	}
	return "", s.syntax("the end of a string")
}

// escaped goes on reading a string that has escapes.
func (s *scanner) escaped(start int) (string, fault.Problems) {
	var b strings.Builder
	b.WriteString(s.text[start:s.pos])
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return b.String(), nil
		case c == '\\':
			r, bad := s.escape()
			if bad != nil {
				return "", bad
			}
			b.WriteRune(r)
		case c < 0x20:
			return "", problem(RuleSyntax, "an unescaped control character in a string at byte %d", s.pos)
		default:
			b.WriteByte(c)
			s.pos++
		}
	}
	return "", s.syntax("the end of a string")
}

// escape reads one escape, a surrogate pair included.
func (s *scanner) escape() (rune, fault.Problems) {
	at := s.pos
	if s.pos++; s.peek() != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, s.peek())
		if i < 0 || s.pos >= len(s.text) {
			return 0, s.syntax("an escape")
		}
		s.pos++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := s.unit()
	if !ok {
		return 0, s.syntax("four hexadecimal digits")
	}
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if strings.HasPrefix(s.text[s.pos:], `\u`) {
			s.pos++
			low, _ = s.unit()
		}
		if r = utf16.DecodeRune(r, low); r == '\ufffd' {
			return 0, problem(RuleSurrogate, "half of a surrogate pair at byte %d", at)
		}
	}
	if r == 0 {
		return 0, problem(RuleNUL, "the NUL character at byte %d", at)
	}
	return r, nil
}

// unit reads u and the four digits behind it.
func (s *scanner) unit() (rune, bool) {
	s.pos++
	if s.pos+4 > len(s.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(s.text[s.pos:s.pos+4], 16, 16)
	if err != nil {
		return 0, false
	}
	s.pos += 4
	return rune(n), true
}

// number reads a number. Exponents and long digit runs are refused: what a
// float makes of them is not what was written, and as text they are a bomb
// for whoever expands them.
func (s *scanner) number() (string, fault.Problems) {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	lead := s.pos
	digits := s.digits()
	if digits == 0 || digits > 1 && s.text[lead] == '0' {
		return "", problem(RuleSyntax, "a number is malformed at byte %d", start)
	}
	if s.peek() == '.' {
		s.pos++
		fraction := s.digits()
		if fraction == 0 {
			return "", s.syntax("a digit")
		}
		digits += fraction
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		return "", problem(RuleNumber, "a number with an exponent; write it out, or send money as a string")
	}
	if digits > MaxDigits {
		return "", problem(RuleNumber, "a number of %d digits; at most %d are taken", digits, MaxDigits)
	}
	return s.text[start:s.pos], nil
}

func (s *scanner) digits() int {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos - start
}
