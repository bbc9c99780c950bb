package markup

import "strings"

// plain are the attributes whose values are a text or a measure, whatever the
// element. What is not listed is refused: a list of what is dangerous would
// never be complete.
var plain = map[string]bool{
	"title": true, "alt": true, "class": true, "id": true, "lang": true, "dir": true, "role": true, "label": true,
	"align": true, "valign": true, "width": true, "height": true, "colspan": true, "rowspan": true, "bgcolor": true,
	"color": true, "size": true, "border": true, "cellpadding": true, "cellspacing": true, "summary": true,
	"abbr": true, "scope": true, "datetime": true, "placeholder": true,
}

// linked are the attributes that hold a URL.
var linked = map[string]bool{"href": true, "src": true, "background": true, "cite": true}

// linkers are the elements whose linked attributes fetch or follow a URL and
// do nothing else with it.
var linkers = map[string]bool{
	"a": true, "area": true, "img": true, "body": true, "table": true, "td": true, "th": true, "tr": true,
	"blockquote": true, "q": true, "del": true, "ins": true,
}

// refusal says which rule a tag of the template breaks here, if any.
func (s state) refusal() (rule, detail string) {
	switch s.mode {
	case inText, quoted:
		if s.mode == quoted {
			return s.attributeRefusal()
		}
		return "", ""
	case raw, rawOpen:
		if s.element == "title" && s.mode == raw {
			return "", ""
		}
		if s.element == "script" || s.element == "style" {
			return "html." + s.element, "a tag may not stand inside <" + s.element + ">"
		}
		return "html.element", "a tag may not stand inside " + s.where()
	case tagOpen, endTagOpen, tagName:
		return "html.tag", "a tag may not stand in the name of an element; for the character < write &lt;"
	case inTag, attrName, afterAttrName:
		return "html.attribute", "a tag may not stand for an attribute or in its name"
	case beforeValue, unquoted:
		return "html.unquoted", `a tag in an attribute must stand in quotes: ` + s.attr + `="{{…}}"`
	}
	return "html.comment", "a tag may not stand in a comment or declaration; for notes of your own write {{! … }}"
}

func (s state) attributeRefusal() (rule, detail string) {
	switch {
	case s.ending:
		return "html.attribute", "an end tag has no attributes"
	case strings.HasPrefix(s.attr, "on"):
		return "html.handler", "a tag may not stand in the event handler " + s.attr
	case s.attr == "style":
		return "html.style", "a tag may not stand in a style attribute"
	case plain[s.attr] || strings.HasPrefix(s.attr, "data-") || strings.HasPrefix(s.attr, "aria-"):
		return "", ""
	case linked[s.attr] && linkers[s.element]:
		return "", ""
	}
	return "html.attribute", "a tag may not stand in the attribute " + s.attr + " of <" + s.element + ">"
}

// place says how an output must be encoded that is not refused.
func (s state) place() (p Place, rule, detail string) {
	switch {
	case s.mode != quoted || !linked[s.attr]:
		return Text, "", ""
	case s.behindHost:
		return URL, "", ""
	}
	return Text, "html.url", "a token may not choose where a link leads: put a literal scheme and host before it, such as " +
		s.attr + `="https://example.com/{{…}}"`
}

// where names the state for people.
func (s state) where() string {
	switch s.mode {
	case inText:
		return "plain text"
	case raw, rawOpen:
		return "<" + s.element + ">"
	case tagOpen, endTagOpen, tagName, inTag:
		return "a tag"
	case attrName, afterAttrName, beforeValue, quoted, unquoted:
		return "the attribute " + s.attr
	}
	return "a comment or declaration"
}
