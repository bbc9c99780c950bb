package stylesheet

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// document is a template in its parts.
type document struct {
	source string
	// literal is the source with blanks for the template's tags.
	literal string
	tags    []tag
	sheets  []sheet
}

// tag is the start tag of an element, by its bytes in the source.
type tag struct {
	nameEnd, end int
	// style is the style attribute as it is, which stands from styleStart to
	// styleEnd with the blank before it. Without one, both are where it would
	// stand.
	style                string
	styleStart, styleEnd int
	// vague is true where the template decides on attributes, or on the class,
	// id or style: nobody knows here which rules apply.
	vague bool
}

// sheet is a style element for every medium: its rules, and the byte behind
// its end tag.
type sheet struct {
	rules string
	end   int
}

// scan reads the template from its first byte to its last, as if every branch
// of every condition were rendered. Where a condition leads into a tag or out
// of it that is not what any reader of the mail gets, so that nothing certain
// can be said: such a document has no sheets.
func scan(source, literal string) *document {
	d := &document{source: source, literal: literal}
	z := html.NewTokenizer(strings.NewReader(literal))
	at, rules, inSheet, raw := 0, "", false, false
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return d
		}
		start := at
		at += len(z.Raw())
		if (kind != html.TextToken || raw) && d.parted(start, at) {
			d.sheets = nil
			return d
		}
		raw = false
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			d.tags = append(d.tags, d.tag(start, at, t))
			inSheet = t.Data == "style" && general(t)
			raw = slices.Contains(rawElements, t.Data)
			rules = ""
		case html.TextToken:
			rules = literal[start:at]
		case html.EndTagToken:
			if t := z.Token(); t.Data == "style" && inSheet {
				d.sheets = append(d.sheets, sheet{rules, at})
			}
			inSheet = false
		}
	}
}

// rawElements are those whose text holds no tags, as the tokenizer has them.
var rawElements = []string{"iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp"}

// parted reports whether a part of the source holds one branch of a condition
// and not the others.
func (d *document) parted(start, end int) bool {
	depth := 0
	for i := start; i < end-2; i++ {
		if d.literal[i] != ' ' || d.source[i:i+2] != "{{" {
			continue
		}
		switch inner := strings.TrimLeft(d.source[i:], "{~ "); {
		case strings.HasPrefix(inner, "#"):
			depth++
		case strings.HasPrefix(inner, "/"):
			depth--
		case strings.HasPrefix(inner, "else") && depth == 0:
			return true
		}
		if depth < 0 {
			return true
		}
	}
	return depth > 0
}

// general reports whether a style element is for every medium.
func general(t html.Token) bool {
	for _, a := range t.Attr {
		if a.Key == "media" {
			return a.Val == "all"
		}
	}
	return true
}

// tag finds the parts of the start tag that stands from start to end.
func (d *document) tag(start, end int, token html.Token) tag {
	t := tag{nameEnd: start + 1 + len(token.Data), end: end}
	t.styleStart, t.styleEnd = t.nameEnd, t.nameEnd
	for _, a := range token.Attr {
		if a.Key == "style" {
			t.style = a.Val
			break // the first one counts
		}
	}
	found, behind := false, t.nameEnd
	for _, a := range attributes(d.literal[:end], t.nameEnd) {
		t.vague = t.vague || d.templated(a.start, a.at)
		if a.name == "class" || a.name == "id" || a.name == "style" {
			t.vague = t.vague || d.templated(a.at, a.end)
		}
		if a.name == "style" && !found {
			found = true
			t.styleStart, t.styleEnd = a.start, a.end
		}
		behind = a.end
	}
	t.vague = t.vague || d.templated(behind, end)
	return t
}

// templated reports whether a tag of the template stands in a part.
func (d *document) templated(start, end int) bool {
	return d.source[start:end] != d.literal[start:end]
}

// attribute is one attribute of a tag: from start, where the blank before it
// begins, to end; its name stands at at.
type attribute struct {
	name           string
	start, at, end int
}

// attributes reads the attributes that stand from at on to the end of tag, as
// the HTML standard reads them.
func attributes(tag string, at int) []attribute {
	var out []attribute
	for {
		start := at
		at = skip(tag, at, " \t\r\n\f/")
		if at >= len(tag) || tag[at] == '>' {
			return out
		}
		name := at
		at = until(tag, at+1, " \t\r\n\f/>=")
		a := attribute{name: strings.ToLower(tag[name:at]), start: start, at: name}
		if v := skip(tag, at, " \t\r\n\f"); v < len(tag) && tag[v] == '=' {
			at = value(tag, skip(tag, v+1, " \t\r\n\f"))
		}
		a.end = at
		out = append(out, a)
	}
}

// value returns the byte behind the value that stands at at.
func value(tag string, at int) int {
	if at < len(tag) && (tag[at] == '"' || tag[at] == '\'') {
		return min(len(tag), until(tag, at+1, tag[at:at+1])+1)
	}
	return until(tag, at, " \t\r\n\f>")
}

func skip(s string, at int, set string) int {
	for at < len(s) && strings.IndexByte(set, s[at]) >= 0 {
		at++
	}
	return at
}

func until(s string, at int, set string) int {
	if at >= len(s) {
		return len(s)
	}
	if i := strings.IndexAny(s[at:], set); i >= 0 {
		return at + i
	}
	return len(s)
}
