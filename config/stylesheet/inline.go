// Package stylesheet writes the rules of an HTML template's style elements into
// the style attributes of its elements, because many mail programs read nothing
// else. It changes style attributes and adds one style element; every other byte
// of the template stays, its tags above all. It refuses to judge a template; see
// tokens.
//
// A library computes the styles, on a copy whose tags are blanks. It would
// write the document anew, and with that move tags in tables, escape the quotes
// in tags and close what a condition leaves open.
package stylesheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vanng822/go-premailer/premailer"
	"golang.org/x/net/html"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// marker is the attribute by which an element is known again.
const marker = "data-billhook-element"

// Inline returns the template with its styles inlined: the same one when there
// are none. A template that is not well formed is returned as it is. The problems
// say that the style rules are too much work.
func Inline(source string) (string, fault.Problems) {
	literal, ok := tokens.Literal(source)
	if !ok {
		return source, nil
	}
	d := scan(source, literal)
	if len(d.sheets) == 0 {
		return source, nil
	}
	marked := d.marked()
	if p := bounded(marked, d.sheets); p != nil {
		return source, p
	}
	styles, err := computed(marked)
	if err != nil {
		return source, fault.Problems{{Rule: "html.styles", Detail: "the styles cannot be inlined: " + err.Error()}}
	}
	return d.patched(styles), nil
}

// marked returns the literal document with a marker in every element whose
// attributes are certain. The others have none: no rule that depends on them may
// match them or what is inside.
func (d *document) marked() string {
	var b strings.Builder
	at := 0
	for i, t := range d.tags {
		b.WriteString(d.literal[at:t.nameEnd])
		if t.vague {
			b.WriteString(">")
		} else {
			b.WriteString(" " + marker + `="` + strconv.Itoa(i) + `"` + d.literal[t.nameEnd:t.end])
		}
		at = t.end
	}
	b.WriteString(d.literal[at:])
	return b.String()
}

// computed returns the style of every marked element that has one, by its
// number.
func computed(marked string) (styles map[int]string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot be read: %v", r)
		}
	}()
	p, err := premailer.NewPremailerFromString(marked, premailer.NewOptions(premailer.WithCssToAttributes(false)))
	if err != nil {
		return nil, err
	}
	text, err := p.Transform()
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	styles = map[int]string{}
	for n := range root.Descendants() {
		number, style := -1, ""
		for _, a := range n.Attr {
			switch a.Key {
			case marker:
				number, _ = strconv.Atoi(a.Val)
			case "style":
				style = a.Val
			}
		}
		// A parser may make several elements of one tag: the first is its own.
		if _, again := styles[number]; number >= 0 && style != "" && !again {
			styles[number] = style
		}
	}
	return styles, nil
}

// edit replaces a part of the source.
type edit struct {
	start, end int
	text       string
}

// patched returns the template with the styles in its attributes, and what must
// win over them behind the last style element.
func (d *document) patched(styles map[int]string) string {
	var edits []edit
	for i, t := range d.tags {
		if style := styles[i]; style != "" && style != t.style {
			edits = append(edits, edit{t.styleStart, t.styleEnd, ` style="` + html.EscapeString(style) + `"`})
		}
	}
	if len(edits) == 0 {
		return d.source
	}
	last := d.sheets[len(d.sheets)-1].end
	edits = append(edits, edit{last, last, overrides(d.sheets)})
	slices.SortFunc(edits, func(a, b edit) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(d.source[at:e.start] + e.text)
		at = e.end
	}
	return b.String() + d.source[at:]
}
