package stylesheet_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/stylesheet"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

// scraps are what documents are put together from at random.
var scraps = []string{
	"{{Account.Name}}", "{{Account.Name}}", `{{default Account.Name "<b>"}}`, "<p>", "</p>", `<p class="a">`, `<p class="{{Account.Name}}">`,
	`<a class=b href="https://x/{{Account.Name}}">`, "</a>", `<b style="color:red">`, "<b STYLE='margin:0' id=i>", "</b>", "<table>", "<tr>", `<td class="a">`, "</td>",
	"</table>", "<br/>", "<!-- x -->", "<style>", "</style>", "<style>p{color:red}</style>", "<style>.a,#i{color:blue}b{margin:1px !important}</style>",
	"<style>td,a:hover{font:\"x y\"}@media print{p{color:black}}</style>", "p{", "}", "color:red;", "<style media=print>", `<p title="`, "'", `"`, ">", "<",
	"/", "=", " ", "x", "&amp;", "&", "<div", "<html>", "<head>", "<body>", "<title>", "</title>", "<i class=a/>", "\n",
}

func document(t *rapid.T, depth int) string {
	var b strings.Builder
	for range rapid.IntRange(0, 9).Draw(t, "scraps") {
		if depth < 2 && rapid.IntRange(0, 6).Draw(t, "block") == 0 {
			b.WriteString("{{#if Account.Name}}" + document(t, depth+1) + "{{else}}" + document(t, depth+1) + "{{/if}}")
		} else {
			b.WriteString(rapid.SampledFrom(scraps).Draw(t, "scrap"))
		}
	}
	return b.String()
}

// TestInliningChangesStylesOnly compares what the template says before and
// after, for random documents that may be saved.
func TestInliningChangesStylesOnly(t *testing.T) {
	c := catalogue(t)
	use := tokens.Use{Channel: delivery.Email, Output: tokens.HTML}
	changed := 0
	rapid.Check(t, func(t *rapid.T) {
		source := "<style>p,.a{color:green}</style>" + document(t, 0)
		if c.Check(source, use) != nil {
			t.Skip("refused")
		}
		got, problems := stylesheet.Inline(source)
		if problems != nil {
			t.Fatalf("%v", problems)
		}
		if got != source {
			changed++
		}
		tpl, err := c.Parse(got, use)
		if err != nil {
			t.Fatalf("%s\nis refused where it was not before:\n%s\n%v", got, source, err)
		}
		before, err := c.Parse(source, use)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"", "x"} {
			a, b := shape(t, c, before, value), shape(t, c, tpl, value)
			if a != b {
				t.Fatalf("%q: %s\nbecame\n%s", value, a, b)
			}
		}
	})
	if changed == 0 && !testing.Short() { // a quarter of a hundred has, and of twenty once in a while none
		t.Error("no document had styles to inline: the test shows nothing")
	}
}

// attacks are values that would be markup, attributes, styles or links.
var attacks = []string{
	"<script>alert(1)</script>", `" onmouseover="alert(1)`, "' style='x:y", "javascript:alert(1)", "</style><b>", "}p{color:red", "-->", "<!--", "]]>",
	`"><img src=x onerror=y>`, "\x00<b>", "&lt;b&gt;", "a\" class=\"b", "expression(1)", "url(x)", "//evil.example/", "\u2028", "</title>", "<a href=https://evil.example>",
}

// TestNoValueChangesAnInlinedDocument renders inlined documents with an attack
// and with a harmless text of the same length.
func TestNoValueChangesAnInlinedDocument(t *testing.T) {
	c := catalogue(t)
	use := tokens.Use{Channel: delivery.Email, Output: tokens.HTML}
	rapid.Check(t, func(t *rapid.T) {
		source, _ := stylesheet.Inline("<style>p,.a,a{color:green}</style>" + document(t, 0))
		tpl, err := c.Parse(source, use)
		if err != nil {
			t.Skip("refused")
		}
		value := rapid.OneOf(rapid.SampledFrom(attacks), rapid.String()).Draw(t, "value")
		harmless := strings.Map(func(r rune) rune {
			if r == ' ' || unicode.IsControl(r) {
				return r
			}
			return 'x'
		}, strings.ToValidUTF8(value, "x"))
		with, without := render(t, c, tpl, value), render(t, c, tpl, harmless)
		if a, b := outline(t, with, true), outline(t, without, true); a != b {
			t.Fatalf("value %q changes\n%s\nto\n%s", value, b, a)
		}
	})
}

func catalogue(t *testing.T) *tokens.Catalogue {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func render(t rapid.TB, c *tokens.Catalogue, tpl *tokens.Template, value string) string {
	t.Helper()
	ev := c.Example("account.created")
	ev.Data["Account.Name"] = event.Str(value)
	text, err := tpl.Render(c.Values(ev, tokens.Frame{Now: time.Unix(0, 0)}))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shape is the outline of a rendered template without styles.
func shape(t rapid.TB, c *tokens.Catalogue, tpl *tokens.Template, value string) string {
	t.Helper()
	return outline(t, render(t, c, tpl, value), false)
}

// outline writes the tree that a browser builds: elements, attributes, the
// origins of links, and, without styles, the texts too.
func outline(t rapid.TB, doc string, styles bool) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (styles || n.Data != "style") {
			b.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				switch {
				case a.Key == "href":
					b.WriteString(" href=" + origin(a.Val))
				case a.Key == "style" && styles:
					b.WriteString(" style=" + a.Val)
				case a.Key != "style":
					b.WriteString(" " + a.Key)
				}
			}
			b.WriteString(">")
		}
		if n.Type == html.CommentNode || n.Type == html.TextNode && n.Parent.Data != "style" && !styles {
			b.WriteString("[" + n.Data + "]")
		}
		for child := range n.ChildNodes() {
			walk(child)
		}
	}
	walk(root)
	return b.String()
}

func origin(link string) string {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return "error"
	}
	return u.Scheme + "://" + u.Host
}

// FuzzInline holds that no document harms the process, and that what was added
// is nothing that the template engine reads.
func FuzzInline(f *testing.F) {
	for _, s := range []string{
		"<style>p{color:red}</style><p>a", "<style>@media x{a{b:c}}</style><a>", "<style>a{b:c\\}</style><a style='x'>", "<style>:not(a),a>b{c:d}</style><a><b>",
		"<style>@import 'x';@charset \"y\";a{}</style><a>", "<style>a{background:url(data:x;y)}</style><a/>", "<style>[x=\"]\"]{a:b}</style><p x>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 4<<10 {
			return
		}
		got, _ := stylesheet.Inline(source)
		if strings.Count(got, "{{") > strings.Count(source, "{{") {
			t.Errorf("%q became %q", source, got)
		}
	})
}
