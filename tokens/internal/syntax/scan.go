package syntax

import (
	"fmt"
	"strings"
)

// scanner passes over a source once and stops at the first mistake, since what
// follows a broken tag means nothing.
type scanner struct {
	src  string
	pos  int
	tags int
	// open are the blocks that are not closed yet.
	open []opening
	// clean is the source with the words of comments overwritten.
	clean []byte
}

// opening is a block that is not closed yet.
type opening struct {
	name   string
	pos    int
	links  int // conditions of "else if" so far
	orElse bool
}

// scan returns the source for the parser: the same, byte by byte, but for
// comments. White space in them takes the lexer quadratic time: 50 s were
// measured for one of 64 KiB.
func scan(src string) (string, *Problem) {
	s := scanner{src: src, clean: []byte(src)}
	for {
		i := strings.Index(src[s.pos:], "{{")
		if i < 0 {
			break
		}
		s.pos += i
		if p := s.tag(); p != nil {
			return "", p
		}
	}
	if n := len(s.open); n > 0 {
		o := s.open[n-1]
		return "", &Problem{o.pos, "template.open", fmt.Sprintf("{{#%s}} is never closed; write {{/%[1]s}} at its end", o.name)}
	}
	return string(s.clean), nil
}

// tag passes over one tag, at whose first brace the scanner stands.
func (s *scanner) tag() *Problem {
	start := s.pos
	if start > 0 && s.src[start-1] == '\\' {
		return &Problem{start - 1, "template.escape", `\{{ is not supported; in HTML write &#123;&#123; for literal braces`}
	}
	if s.tags++; s.tags > MaxTags {
		return &Problem{start, "template.tags", fmt.Sprintf("has more than %d tags", MaxTags)}
	}
	s.pos += 2
	s.skip("~")
	switch s.peek() {
	case '!':
		return s.comment(start)
	case '#':
		return s.block(start)
	case '/':
		return s.end(start)
	}
	if p := s.foreign(start); p != nil {
		return p
	}
	s.space()
	if strings.HasPrefix(s.src[s.pos:], "else") {
		return s.orElse(start)
	}
	return s.call(start)
}

// foreign refuses the kinds of tags that there are no uses for here.
func (s *scanner) foreign(start int) *Problem {
	switch s.peek() {
	case '{', '&':
		return &Problem{start, "template.raw", "{{{ }}} and {{& }} would leave out the encoding of values; write {{ }}"}
	case '>':
		return &Problem{start, "template.partial", "templates cannot include others"}
	case '^':
		return &Problem{start, "template.inverse", "{{^ }} is not supported; write {{#unless }} or {{else}}"}
	case '*':
		return &Problem{start, "template.decorator", "decorators are not supported"}
	}
	return nil
}

// comment passes over a comment and overwrites its words.
func (s *scanner) comment(start int) *Problem {
	inner := s.pos + 1
	closing := "}}"
	if strings.HasPrefix(s.src[inner:], "--") {
		closing = "--}}"
		if stripped := strings.Index(s.src[inner:], "--~}}"); stripped >= 0 {
			if plain := strings.Index(s.src[inner:], closing); plain < 0 || stripped < plain {
				closing = "--~}}"
			}
		}
	}
	i := strings.Index(s.src[inner:], closing)
	if i < 0 {
		return &Problem{start, "template.comment", "the comment is never closed; write " + closing + " at its end"}
	}
	s.pos = inner + i + len(closing)
	end := s.pos - 2
	if s.src[end-1] == '~' && end > inner {
		end--
	}
	for j := inner; j < end; j++ {
		s.clean[j] = 'x'
	}
	return nil
}

func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// skip passes over text if it stands here.
func (s *scanner) skip(text string) bool {
	if strings.HasPrefix(s.src[s.pos:], text) {
		s.pos += len(text)
		return true
	}
	return false
}

// space passes over white space and reports whether there was any.
func (s *scanner) space() bool {
	from := s.pos
	for s.pos < len(s.src) && strings.IndexByte(" \t\n", s.src[s.pos]) >= 0 {
		s.pos++
	}
	return s.pos > from
}

// close passes over the end of a tag. It reports false when there is none.
func (s *scanner) close() bool {
	from := s.pos
	s.skip("~")
	if s.skip("}}") {
		return true
	}
	s.pos = from
	return false
}

// closed passes over the end of a tag, where nothing else may stand.
func (s *scanner) closed(start int) *Problem {
	s.space()
	if !s.close() {
		return s.unexpected(start)
	}
	if s.peek() == '}' {
		return &Problem{s.pos, "template.braces", "a tag ends with }} and not }}}; put a space before a brace that follows it"}
	}
	return nil
}
