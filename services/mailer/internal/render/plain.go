package render

import (
	"strings"

	"github.com/inbucket/html2text"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plain makes the text of a mail from its HTML. HTML that no reader could make
// sense of (nested hundreds of elements deep) has no text.
func plain(source string) string {
	if source == "" {
		return ""
	}
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return ""
	}
	breakRows(doc)
	text, err := html2text.FromHTMLNode(doc)
	if err != nil {
		return ""
	}
	return text
}

// breakRows ends every table row by a line break: the library writes a table
// as one line, or draws boxes, which suit no table that is there for layout.
func breakRows(doc *html.Node) {
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Tr {
			n.AppendChild(&html.Node{Type: html.ElementNode, Data: "br", DataAtom: atom.Br})
		}
	}
}
