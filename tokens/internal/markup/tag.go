package markup

import "regexp"

// inside is what stands between the name of a tag and its >.
func (s state) inside(c byte) state {
	switch s.mode {
	case tagName:
		switch {
		case space(c) || c == '/':
			s.mode = inTag
		case c == '>':
			return s.endOfTag()
		default:
			s.element = join(s.element, c)
		}
	case inTag, afterAttrName:
		return s.between(c)
	case attrName:
		switch {
		case space(c):
			s.mode = afterAttrName
		case c == '/' || c == '>':
			s.mode = afterAttrName
			return s.next(c)
		case c == '=':
			s.mode = beforeValue
		default:
			s.attr = join(s.attr, c)
		}
	default:
		return s.value(c)
	}
	return s
}

// between is what stands before, between and behind attributes.
func (s state) between(c byte) state {
	switch {
	case space(c):
		return s
	case c == '>':
		return s.endOfTag()
	case c == '/':
		return s.noAttribute()
	case c == '=' && s.mode == afterAttrName:
		s.mode = beforeValue
		return s
	}
	s.mode, s.attr = attrName, lower(c)
	return s
}

// value is what stands behind the = of an attribute.
func (s state) value(c byte) state {
	switch s.mode {
	case beforeValue:
		switch {
		case space(c):
			return s
		case c == '"' || c == '\'':
			s.mode, s.quote = quoted, c
			return s
		case c == '>':
			return s.endOfTag()
		}
		s.mode = unquoted
		return s.next(c)
	case unquoted:
		switch {
		case space(c):
			return s.noAttribute()
		case c == '>':
			return s.endOfTag()
		}
		return s
	}
	if c == s.quote {
		return s.noAttribute()
	}
	return s.link(c)
}

func (s state) noAttribute() state {
	return state{mode: inTag, ending: s.ending, element: s.element, fault: s.fault}
}

func (s state) endOfTag() state {
	if s.ending {
		return state{}
	}
	switch s.element {
	case "title", "textarea", "style", "script":
		return state{mode: raw, element: s.element}
	}
	if twofold[s.element] {
		return state{fault: "the element <" + s.element + "> is not supported: programs differ in how they read what is inside"}
	}
	return state{}
}

// twofold are the elements inside of which the tokenizer depends on the reader:
// on whether scripts run, or on a tree that is built in another way than the
// one of plain HTML.
var twofold = map[string]bool{
	"svg": true, "math": true, "select": true, "template": true, "noscript": true, "iframe": true, "noembed": true,
	"noframes": true, "frameset": true, "xmp": true, "plaintext": true, "listing": true,
}

// literalHost is the begin of a URL whose scheme nothing behind it can change.
var literalHost = regexp.MustCompile(`^(?i:https?://[a-z0-9.-]+(:[0-9]+)?[/?#]|(mailto|tel|sms):)`)

// maxHost bounds the literal begin of a URL up to its host's end.
const maxHost = 300

// link follows the begin of a URL.
func (s state) link(c byte) state {
	if s.behindHost || !linked[s.attr] || len(s.url) > maxHost {
		return s
	}
	s.url += string(rune(c))
	switch c {
	case '/', '?', '#', ':':
		if literalHost.MatchString(s.url) {
			s.url, s.behindHost = "", true
		}
	}
	return s
}

// join appends to a name, up to a bound.
func join(word string, c byte) string {
	if len(word) >= maxWord {
		return word
	}
	return word + lower(c)
}
