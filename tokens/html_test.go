package tokens

import (
	"net/url"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

func htmlUse() Use { return Use{Channel: delivery.Email, Output: HTML} }

func TestTagsStandOnlyWhereAValueIsAText(t *testing.T) {
	for _, row := range []struct {
		src, rule string
		column    int
	}{
		{"<script>{{Account.Name}}</script>", "html.script", 9},
		{"<SCRIPT src='x'>var a = '{{Account.Name}}'</SCRIPT>", "html.script", 26},
		{"<script>{{#if Account.Name}}x{{/if}}</script>", "html.script", 9},
		{"<script><!-- <script> </script> </script>", "html.element", 1},
		{"<style>p{color:{{Account.Name}}}</style>", "template.braces", 32},
		{"<style>p{color:{{Account.Name}} }</style>", "html.style", 16},
		{"<style></stylex>{{Account.Name}}</style>", "html.style", 17},
		{"<p style=\"color:{{Account.Name}}\">", "html.style", 17},
		{"<p onclick=\"{{Account.Name}}\">", "html.handler", 13},
		{"<p OnClick = \"{{Account.Name}}\">", "html.handler", 15},
		{"<!-- {{Account.Name}} -->", "html.comment", 6},
		{"<!-- -- > --!x {{Account.Name}} -->", "html.comment", 16},
		{"<!doctype {{Account.Name}}>", "html.comment", 11},
		{"<![CDATA[ {{Account.Name}} ]]>", "html.comment", 11},
		{"<?php {{Account.Name}} ?>", "html.comment", 7},
		{"</ {{Account.Name}}>", "html.comment", 4},
		{"<p title={{Account.Name}}>", "html.unquoted", 10},
		{"<p title=a{{Account.Name}}>", "html.unquoted", 11},
		{"<p title={{#if Account.Name}}a{{/if}}>", "html.unquoted", 10},
		{"<p {{Account.Name}}>", "html.attribute", 4},
		{"<p a{{Account.Name}}=\"x\">", "html.attribute", 5},
		{"<p a {{Account.Name}}>", "html.attribute", 6},
		{"<{{Account.Name}}>", "html.tag", 2},
		{"</{{Account.Name}}>", "html.tag", 3},
		{"<p{{Account.Name}}>", "html.tag", 3},
		{"</p title=\"{{Account.Name}}\">", "html.attribute", 12},
		{"<textarea>{{Account.Name}}</textarea>", "html.element", 11},
		{"<a href=\"{{Account.Name}}\">", "html.url", 10},
		{"<a href=\"{{Account.Name}}://x/\">", "html.url", 10},
		{"<a href=\"https://{{Account.Name}}/\">", "html.url", 18},
		{"<a href=\"https://a.{{Account.Name}}\">", "html.url", 20},
		{"<a href=\"//example.com/{{Account.Name}}\">", "html.url", 24},
		{"<a href=\"/{{Account.Name}}\">", "html.url", 11},
		{"<a href=\"javascript:{{Account.Name}}\">", "html.url", 21},
		{"<a href=\" java&#115;cript:{{Account.Name}}\">", "html.url", 27},
		{"<a href=\"data:text/html,https://x/{{Account.Name}}\">", "html.url", 35},
		{"<img src='{{Account.Name}}'>", "html.url", 11},
		{"<img srcset=\"https://x/{{Account.Name}}\">", "html.attribute", 24},
		{"<form action=\"https://x/{{Account.Name}}\">", "html.attribute", 25},
		{"<meta http-equiv=refresh content=\"0;url={{Account.Name}}\">", "html.attribute", 41},
		{"<iframe srcdoc=\"{{Account.Name}}\">", "html.attribute", 17},
		{"<iframe src=\"https://x/{{Account.Name}}\">", "html.attribute", 24},
		{"<base href=\"https://x/{{Account.Name}}\">", "html.attribute", 23},
		{"<svg><title>x</title></svg>", "html.element", 1},
		{"x <math>", "html.element", 3},
		{"<select>", "html.element", 1},
		{"<noscript>", "html.element", 1},
		{"<p title=\"{{Account.Name}}", "html.open", 1},
		{"a <b", "html.open", 3},
		{"<title>{{Account.Name}}", "html.open", 1},
		{"{{#if Account.Name}}<p title=\"{{else}}<p>{{/if}}x", "html.branches", 1},
		{"<p title=\"{{#if Account.Name}}\">{{/if}}x", "html.branches", 11},
		{"<{{#if Account.Name}}b{{else}}i{{/if}}>", "html.tag", 2},
	} {
		t.Run(row.src, func(t *testing.T) {
			p := loaded(t).Check(row.src, htmlUse())
			if len(p) == 0 || p[0].Rule != row.rule || p[0].Line != 1 || p[0].Column != row.column {
				t.Errorf("%v, want %s in column %d", p, row.rule, row.column)
			}
		})
	}
}

// documents are templates that are accepted, with tokens at every kind of
// place.
var documents = []string{
	"<!doctype html><html><head><title>{{Account.Name}}</title><style>p { color: red }</style></head><body>{{Account.Name}}</body></html>",
	"<p title=\"{{Account.Name}}\" class='{{Account.Name}}'>1 < {{Account.Name}} & {{Account.Name}}</p>",
	"<a href=\"https://example.com/{{Account.Name}}/x?y={{Account.Name}}&amp;z=1#{{Account.Name}}\">{{Account.Name}}</a>",
	"<a href='HTTP://example.com:8080?{{Account.Name}}'>a</a><img src=\"https://x/{{Account.Name}}\" alt=\"{{Account.Name}}\" / >",
	"<a href=\"mailto:{{Account.Name}}\">m</a><a href=\"tel:{{Account.Name}}\">t</a>",
	"<!--[if mso]><table><![endif]-->{{Account.Name}}<!-- > --!>{{Account.Name}}<!-->{{Account.Name}}<!--->{{Account.Name}}<!---->{{Account.Name}}",
	"<table><tr {{#if Account.Name}}class=\"a\"{{else}}bgcolor=\"{{Account.Name}}\"{{/if}}><td>{{Account.Name}}</td></tr>{{Account.Name}}</table>",
	"<style></style ><script>if (a < b) { c = '</scr' + 'ipt>' }</script>{{Account.Name}}<br/>{{Account.Name}}</p title=\"a\">",
	"<b><p></b>{{Account.Name}}</p><ul><li>{{Account.Name}}<li></ul>&{{Account.Name}};&#{{Account.Name}};",
	"<p data-x=\"{{#if Account.Name}}{{Account.Name}}{{else}}none{{/if}}\"\n  aria-label = \"{{Account.Name}}\"\t>{{Account.Name}}</p>",
	"<textarea><p title=\"</textarea>{{Account.Name}}",
	"<p a=\"b\"c='d'e=f/g>{{Account.Name}}",
}

func TestNoValueAddsMarkupAnAttributeOrTheSchemeOfALink(t *testing.T) {
	c := loaded(t)
	for _, src := range documents {
		tpl := parsed(t, c, src, htmlUse())
		rapid.Check(t, func(t *rapid.T) {
			holdsStill(t, c, tpl, rapid.OneOf(rapid.String(), rapid.SampledFrom(attacks), parts()).Draw(t, "value"))
		})
	}
}

// attacks are values that have broken templates of others.
var attacks = []string{
	"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='x", "` onmouseover=`x", "javascript:alert(1)",
	"-->", "--!>", "]]>", "</title><b>", "</style><b>", "</textarea>", "&lt;b&gt;", "&#60;b&#62;", "lt;", "#60", "//evil.example",
	"../..", "@evil.example", "\r\n\r\n<b>", "\x00<\x00b>", "<!--", "<![CDATA[", "{{Account.Id}}", "%22%3E", "\u2028", "＜b＞", "",
}

// parts are values put together from the characters that mean something.
func parts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"<", ">", "\"", "'", "`", "=", "/", "&", ";", "#", "-", "!", " ", "\n", "a", "on", "style", "script", ":", "?", "%", "\\", "\x00",
		}), 0, 12).Draw(t, "parts"), "")
	})
}

// holdsStill renders a template with a value and with the same value whose
// characters all became letters, and compares the trees that a browser builds.
// White space and control characters, which are left out, stay: a tree depends
// on whether a text has anything else.
func holdsStill(t rapid.TB, c *Catalogue, tpl *Template, value string) {
	t.Helper()
	harmless := strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsControl(r) {
			return r
		}
		return 'x'
	}, strings.ToValidUTF8(value, "x"))
	with, without := shapeWith(t, c, tpl, value), shapeWith(t, c, tpl, harmless)
	if with != without {
		t.Errorf("value %q changes the document from\n%s\nto\n%s", value, without, with)
	}
}

func shapeWith(t rapid.TB, c *Catalogue, tpl *Template, value string) string {
	t.Helper()
	ev := c.Example("account.created")
	for name, v := range ev.Data {
		if v.Kind() == event.String {
			ev.Data[name] = event.Str(value)
		}
	}
	contact := c.ExampleContact()
	for name := range contact {
		contact[name] = event.Str(value)
	}
	text, err := tpl.Render(c.Values(ev, Frame{OwnerName: value, Now: noon(), Contact: contact}))
	if err != nil {
		if fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
		return "too long"
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	shape(&b, root)
	return b.String()
}

// shape writes elements, names of attributes, hosts of links, and comments.
func shape(b *strings.Builder, n *html.Node) {
	switch n.Type {
	case html.ElementNode:
		b.WriteString("<" + n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
			switch {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style":
				b.WriteString("=" + a.Val)
			case a.Key == "href" || a.Key == "src" || a.Key == "background" || a.Key == "cite":
				b.WriteString("=" + origin(a.Val))
			}
		}
		b.WriteString(">")
	case html.CommentNode, html.DoctypeNode:
		b.WriteString("<!" + n.Data + ">")
	case html.TextNode:
		if p := n.Parent; p != nil && (p.Data == "script" || p.Data == "style") {
			b.WriteString(n.Data)
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		shape(b, child)
	}
	if n.Type == html.ElementNode {
		b.WriteString("</>")
	}
}

func origin(link string) string {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return "error"
	}
	return u.Scheme + "://" + u.Host
}

func TestWhateverDocumentIsAcceptedHoldsStill(t *testing.T) {
	c := loaded(t)
	rapid.Check(t, func(t *rapid.T) {
		tpl, err := c.Parse(document(t, 0), htmlUse())
		if err != nil {
			t.Skip("refused")
		}
		holdsStill(t, c, tpl, rapid.OneOf(rapid.SampledFrom(attacks), parts()).Draw(t, "value"))
	})
}

// scraps are what documents are put together from at random.
var scraps = []string{
	"{{Account.Name}}", "{{Account.Name}}", "{{Account.Name}}", "<p>", "</p>", "<a href=\"https://x/", "\"", "'", ">", "\">", "<", "/", " ", "=", "x",
	"<p title=\"", "<p title='", " class=\"", "<img src='https://x?", "<!--", "-->", "--!>", "-", "!", "<style>", "</style>", "<title>", "</title>",
	"<script>", "</script>", "<textarea>", "</textarea>", "<svg>", "<table>", "<tr>", "<td>", "</table>", "<![CDATA[", "]]>", "<?", "</", "<option>",
	"<b>", "</b>", "<form>", "<head>", "<body>", "<html lang=\"", "<br", "&", "&#", ";",
}

func document(t *rapid.T, depth int) string {
	var b strings.Builder
	for range rapid.IntRange(0, 6).Draw(t, "scraps") {
		if depth < 2 && rapid.IntRange(0, 5).Draw(t, "block") == 0 {
			b.WriteString("{{#if Account.Name}}" + document(t, depth+1) + "{{else}}" + document(t, depth+1) + "{{/if}}")
		} else {
			b.WriteString(rapid.SampledFrom(scraps).Draw(t, "scrap"))
		}
	}
	return b.String()
}
