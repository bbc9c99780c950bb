package stylesheet

import (
	"strconv"
	"strings"

	"github.com/vanng822/css"
	"golang.org/x/net/html"

	"github.com/billhook/billhook/shared/fault"
)

// overrides returns a style element with the rules that cannot be inlined and
// would lose against what was: those of a medium, and those of a state such as
// :hover. Rules for everything (*) are no such rules: they are meant to lose.
func overrides(sheets []sheet) string {
	var b strings.Builder
	for _, s := range sheets {
		for _, rule := range css.Parse(s.rules).GetCSSRuleList() {
			switch {
			case rule.Type == css.MEDIA_RULE:
				b.WriteString("@media " + rule.Style.Selector.Text() + " {\n")
				for _, r := range rule.Rules {
					important(&b, r)
				}
				b.WriteString("}\n")
			case rule.Type == css.STYLE_RULE && strings.Contains(rule.Style.Selector.Text(), ":"):
				important(&b, rule)
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "<style>\n" + b.String() + "</style>"
}

func important(b *strings.Builder, rule *css.CSSRule) {
	b.WriteString(rule.Style.Selector.Text() + " {")
	for _, s := range rule.Style.Styles {
		b.WriteString(" " + s.Property + ": " + s.Value.Text() + " !important;")
	}
	b.WriteString(" }\n")
}

// maxWork bounds the comparisons of an element with a part of a selector, at
// worst. A mail of 300 elements, 30 deep, with 50 rules takes 3 million.
const maxWork = 50_000_000

// maxURLs bounds the places that say url(: the library reads on to the end of
// the rules at each that is not closed. 15,000 of them took it 71 s.
const maxURLs = 100

// bounded refuses style rules that would take too long to match: a selector of
// several parts may fit the ancestors of an element in a great many ways.
func bounded(marked string, sheets []sheet) fault.Problems {
	elements, depth, err := measure(marked)
	if err != nil {
		return fault.Problems{{Rule: "html.styles", Detail: "its elements nest too deep for its styles to be inlined"}}
	}
	if strings.Count(strings.ToLower(marked), "url(") > maxURLs {
		return fault.Problems{{Rule: "html.styles", Detail: "has more than " + strconv.Itoa(maxURLs) + " times url(…) beside its styles"}}
	}
	work := 0
	for _, s := range sheets {
		for _, rule := range css.Parse(s.rules).GetCSSRuleList() {
			for selector := range strings.SplitSeq(rule.Style.Selector.Text(), ",") {
				work += elements * ways(depth, len(strings.Fields(selector))-1)
				if work > maxWork {
					return fault.Problems{{
						Rule: "html.styles",
						Detail: "its styles are too much work to be inlined: " + strconv.Itoa(elements) + " elements, up to " +
							strconv.Itoa(depth) + " deep; use fewer rules, or selectors of fewer parts",
					}}
				}
			}
		}
	}
	return nil
}

// ways is in how many ways parts can be found among depth ancestors, or more
// than is allowed.
func ways(depth, parts int) int {
	n := 1
	for i := range max(0, min(parts, depth)) {
		if n = n * (depth - i) / (i + 1); n > maxWork {
			return maxWork
		}
	}
	return n
}

// measure counts the elements of a document and how deep they nest.
func measure(doc string) (elements, depth int, err error) {
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		return 0, 0, err
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		elements++
		level := 0
		for range n.Ancestors() {
			level++
		}
		depth = max(depth, level)
	}
	return elements, depth, nil
}
