package syntax

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// call passes over a name with what is handed to it, and over the end of the
// tag.
func (s *scanner) call(start int) *Problem {
	if p := s.name(start); p != nil {
		return p
	}
	if p := s.arguments(start, 0); p != nil {
		return p
	}
	return s.closed(start)
}

// arguments passes over what follows the name of a call: values, then options.
func (s *scanner) arguments(start, depth int) *Problem {
	options := false
	for {
		apart := s.space()
		if s.pos >= len(s.src) || strings.IndexByte("~})", s.src[s.pos]) >= 0 {
			return nil // the caller knows which end is due
		}
		if !apart {
			return s.unexpected(start)
		}
		option := s.option()
		if options && !option {
			return &Problem{s.pos, "template.syntax", "options, written name=value, come after all other arguments"}
		}
		options = option
		if p := s.value(start, depth); p != nil {
			return p
		}
	}
}

var optionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*=`)

// option passes over the name of an option, if one stands here.
func (s *scanner) option() bool {
	name := optionName.FindString(s.src[s.pos:min(len(s.src), s.pos+MaxName)])
	s.pos += len(name)
	return name != ""
}

var truthValue = regexp.MustCompile(`^(true|false)[ \t\n~})]`)

var number = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,15})?`)

// value passes over a literal, a name or a call in parentheses.
func (s *scanner) value(start, depth int) *Problem {
	switch c := s.peek(); {
	case c == '"' || c == '\'':
		return s.text(c)
	case c == '(':
		return s.nested(start, depth+1)
	case c == '-' || c == '+' || c >= '0' && c <= '9':
		n := number.FindString(s.src[s.pos:min(len(s.src), s.pos+MaxName)])
		if n == "" {
			return s.unexpected(start)
		}
		s.pos += len(n)
		return nil
	}
	if truth := truthValue.FindString(s.src[s.pos:min(len(s.src), s.pos+MaxName)]); truth != "" {
		s.pos += len(truth) - 1
		return nil
	}
	return s.name(start)
}

// text passes over a text in quotes.
func (s *scanner) text(quote byte) *Problem {
	from := s.pos
	s.pos++
	for ; s.pos < len(s.src) && s.pos-from <= MaxName; s.pos++ {
		switch c := s.src[s.pos]; {
		case c == quote:
			s.pos++
			return nil
		case c == '\\' || c < ' ':
			return &Problem{s.pos, "template.text", "a text in quotes holds neither a backslash nor a new line"}
		}
	}
	return &Problem{from, "template.text", fmt.Sprintf("the text in quotes has no end within %d bytes", MaxName)}
}

// nested passes over a call in parentheses.
func (s *scanner) nested(start, depth int) *Problem {
	if depth > MaxNested {
		return &Problem{s.pos, "template.depth", fmt.Sprintf("helpers are nested deeper than %d", MaxNested)}
	}
	s.pos++
	s.space()
	if p := s.name(start); p != nil {
		return p
	}
	if p := s.arguments(start, depth); p != nil {
		return p
	}
	if !s.skip(")") {
		return s.unexpected(start)
	}
	return nil
}

// name passes over a name: words or brackets with dots between them.
func (s *scanner) name(start int) *Problem {
	from := s.pos
	for {
		if p := s.segment(start); p != nil {
			return p
		}
		if s.pos-from > MaxName {
			return &Problem{from, "template.name", fmt.Sprintf("the name is longer than %d bytes", MaxName)}
		}
		if !s.skip(".") {
			return nil
		}
	}
}

// segment passes over one word of a name, or over a part in brackets.
func (s *scanner) segment(start int) *Problem {
	if s.skip("[") {
		i := strings.IndexAny(s.src[s.pos:min(len(s.src), s.pos+MaxName)], "]\r\n")
		if i <= 0 || s.src[s.pos+i] != ']' {
			return &Problem{s.pos - 1, "template.name", "the name in brackets is empty or has no ] on its line"}
		}
		s.pos += i + 1
		return nil
	}
	n := strings.IndexFunc(s.src[s.pos:], func(r rune) bool { return !letter(r) })
	if n < 0 {
		n = len(s.src) - s.pos
	}
	if c := s.peek(); n == 0 || c == '-' || c >= '0' && c <= '9' {
		return s.unexpected(start)
	}
	if word := s.src[s.pos : s.pos+n]; word == "this" || word == "true" || word == "false" {
		return &Problem{s.pos, "template.path", word + " is not the name of a token"}
	}
	s.pos += n
	return nil
}

// letter reports whether r may stand in a name. It is narrower than
// Handlebars, which takes typographic quotes and hard spaces for letters.
func letter(r rune) bool {
	return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// unexpected names what stands here and cannot.
func (s *scanner) unexpected(start int) *Problem {
	if s.pos >= len(s.src) {
		return &Problem{start, "template.tag", "the tag is never closed; write }} at its end"}
	}
	r, _ := utf8.DecodeRuneInString(s.src[s.pos:])
	p := &Problem{s.pos, "template.syntax", fmt.Sprintf("%q is unexpected here", r)}
	switch {
	case r == '@':
		p.Rule, p.Detail = "template.data", "@ names are not supported"
	case r == '.' || r == '/':
		p.Rule, p.Detail = "template.path", "write the full name of a token, such as {{Account.Name}}; ., .., ../ and / do not lead to one"
	case r == '|':
		p.Rule, p.Detail = "template.params", "block parameters (as |x|) are not supported"
	case unicode.Is(unicode.Quotation_Mark, r):
		p.Detail += `; quotes are straight: "text"`
	case unicode.IsSpace(r):
		p.Detail = fmt.Sprintf("the white space %U is not an ordinary space", r)
	}
	return p
}
