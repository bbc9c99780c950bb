package markup

import "strings"

// mode is a state of the tokenizer of the HTML standard, section 13.2.5; states
// that differ in nothing that matters here are one.
type mode uint8

const (
	inText mode = iota
	tagOpen
	endTagOpen
	tagName
	inTag // between attributes
	attrName
	afterAttrName
	beforeValue
	quoted
	unquoted
	declaration // behind <!
	bogus       // up to the next >
	commentStart
	commentStartDash
	comment
	commentEndDash
	commentEnd
	commentEndBang
	raw     // the content of title, textarea, style or script
	rawOpen // behind a < in it
)

// maxWord bounds what is kept of names; a longer one is none that matters.
const maxWord = 64

// state is all that the tokenizer knows. It is comparable.
type state struct {
	mode    mode
	ending  bool // the tag is an end tag
	element string
	attr    string
	quote   byte
	// word is what was read of the end tag of raw content or of <!--.
	word string
	// url is the begin of a URL, up to the point where its host is known.
	url string
	// behindHost holds once the URL's scheme and host are literal.
	behindHost bool
	// fault is why the element may not be used.
	fault string
}

// next returns the state behind one more byte of literal text.
func (s state) next(c byte) state {
	switch s.mode {
	case inText:
		if c == '<' {
			return state{mode: tagOpen}
		}
		return s
	case tagOpen, endTagOpen, declaration:
		return s.open(c)
	case bogus:
		if c == '>' {
			return state{}
		}
		return s
	case tagName, inTag, attrName, afterAttrName, beforeValue, quoted, unquoted:
		return s.inside(c)
	case raw, rawOpen:
		return s.rawText(c)
	default:
		return state{mode: s.comment(c)}
	}
}

// open is what comes right behind < and </ and <!.
func (s state) open(c byte) state {
	switch {
	case s.mode == declaration && c == '-' && s.word == "":
		return state{mode: declaration, word: "-"}
	case s.mode == declaration && c == '-':
		return state{mode: commentStart}
	case s.mode == declaration:
		return state{mode: bogus}.next(c)
	case letter(c):
		return state{mode: tagName, ending: s.mode == endTagOpen, element: lower(c)}
	case s.mode == endTagOpen && c == '>':
		return state{}
	case s.mode == endTagOpen:
		return state{mode: bogus}.next(c)
	case c == '/':
		return state{mode: endTagOpen}
	case c == '!':
		return state{mode: declaration}
	case c == '?':
		return state{mode: bogus}
	}
	return state{}.next(c)
}

func (s state) comment(c byte) mode {
	switch {
	case c == '>' && s.mode != comment && s.mode != commentEndDash:
		return inText
	case c == '!' && s.mode == commentEnd:
		return commentEndBang
	case c != '-':
		return comment
	}
	switch s.mode {
	case commentStart:
		return commentStartDash
	case comment, commentEndBang:
		return commentEndDash
	default: // commentStartDash, commentEndDash, commentEnd
		return commentEnd
	}
}

// rawText is the content of an element that holds no others: only its own end
// tag ends it.
func (s state) rawText(c byte) state {
	if s.mode == raw {
		if c == '<' {
			s.mode, s.word = rawOpen, "<"
		}
		return s
	}
	end := "</" + s.element
	switch {
	case s.word == end && c == '>':
		return state{}
	case s.word == end && (space(c) || c == '/'):
		return state{mode: inTag, ending: true, element: s.element}
	case len(s.word) < len(end) && lower(c) == end[len(s.word):len(s.word)+1]:
		s.word += lower(c)
		return s
	case s.element == "script" && s.word == "<" && c == '!':
		s.fault = "a script may not hold <!, which changes where it ends"
	}
	s.mode, s.word = raw, ""
	return s.next(c)
}

func space(c byte) bool { return strings.IndexByte(" \t\n\r\f", c) >= 0 }

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func lower(c byte) string {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return string(rune(c))
}
