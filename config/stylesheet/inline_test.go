package stylesheet_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/config/stylesheet"
)

func TestStylesAreInlinedAndNothingElseIsTouched(t *testing.T) {
	for _, row := range []struct{ name, source, want string }{
		{"no styles", `<p>{{Account.Name}}</p>`, `<p>{{Account.Name}}</p>`},
		{
			"an element", `<style>p{color:red}</style><p>a &amp; b<P Class='x'>c`,
			`<style>p{color:red}</style><p style="color:red">a &amp; b<P style="color:red" Class='x'>c`,
		},
		{
			"a rule that fits nothing", `<style>b{color:red}</style><p>a</p>`, `<style>b{color:red}</style><p>a</p>`,
		},
		{
			"an attribute that is there wins", `<style>p{color:red;margin:0}</style><p title="a" style='color: blue' id=x>a</p>`,
			`<style>p{color:red;margin:0}</style><p title="a" style="margin:0;color:blue" id=x>a</p>`,
		},
		{
			"rows of a table on a condition",
			`<style>td{color:red}</style><table>{{#if Account.Name}}<tr><td>{{default Account.Name "<none>"}}</td></tr>{{/if}}</table>`,
			`<style>td{color:red}</style><table>{{#if Account.Name}}<tr><td style="color:red">{{default Account.Name "<none>"}}</td></tr>{{/if}}</table>`,
		},
		{
			"a link with a token", `<style>.button{color:red}</style><a class="button" href="https://x/{{Invoice.Id}}">{{! a "note" }}</a>`,
			`<style>.button{color:red}</style><a style="color:red" class="button" href="https://x/{{Invoice.Id}}">{{! a "note" }}</a>`,
		},
		{
			"what a token decides stays as it is",
			`<style>.a,.b,p{color:red}</style><p class="{{#if Account.Name}}a{{else}}b{{/if}}">x</p><p {{#if Account.Name}}class="a"{{/if}}>x</p><p>y</p>`,
			`<style>.a,.b,p{color:red}</style><p class="{{#if Account.Name}}a{{else}}b{{/if}}">x</p><p {{#if Account.Name}}class="a"{{/if}}>x</p><p style="color:red">y</p>`,
		},
		{
			"an attribute on a condition",
			`<style>p[title]{color:red}</style><p {{#if Account.Name}}title="a"{{/if}} dir="ltr">x</p><p title="{{Account.Name}}">y</p>`,
			`<style>p[title]{color:red}</style><p {{#if Account.Name}}title="a"{{/if}} dir="ltr">x</p><p style="color:red" title="{{Account.Name}}">y</p>`,
		},
		{
			"quotes in a value", `<style>p{font-family:"Open Sans",serif}</style><p>a</p>`,
			`<style>p{font-family:"Open Sans",serif}</style><p style="font-family:&#34;Open Sans&#34;,serif">a</p>`,
		},
		{
			"a medium and a state win over what is inlined",
			`<style>*{margin:0}a{color:red}a:hover{color:blue}@media (max-width:600px){a{width:100%}}</style><a href="https://x/">x</a>`,
			"<style>*{margin:0}a{color:red}a:hover{color:blue}@media (max-width:600px){a{width:100%}}</style>" +
				"<style>\na:hover { color: blue !important; }\n@media (max-width:600px) {\na { width: 100% !important; }\n}\n</style>" +
				`<a style="color:red" href="https://x/">x</a>`,
		},
		{
			"a style element for print", `<style media="print">p{color:red}</style><p>a</p>`, `<style media="print">p{color:red}</style><p>a</p>`,
		},
		{"a style element in a comment", `<!--[if mso]><style>p{color:red}</style><![endif]--><p>a</p>`, `<!--[if mso]><style>p{color:red}</style><![endif]--><p>a</p>`},
		{"no template", `<style>p{color:red}</style><p>{{#if}}`, `<style>p{color:red}</style><p>{{#if}}`},
		{"a style element that never ends", `<p>a</p><style>p{color:red}`, `<p>a</p><style>p{color:red}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, problems := stylesheet.Inline(row.source)
			if problems != nil || got != row.want {
				t.Errorf("%v\n got %s\nwant %s", problems, got, row.want)
			}
			if again, _ := stylesheet.Inline(row.source); again != got {
				t.Error("not the same every time")
			}
		})
	}
}

// It was inlined as if the second branch began in the text, and the first got
// attributes that were its text.
func TestADocumentWhoseConditionsLeadIntoTagsIsLeftAsItIs(t *testing.T) {
	for _, source := range []string{
		`<p title="{{#if Account.Name}}<p class="a">{{else}}<p class="a">{{/if}}`,
		`<title>{{#if Account.Name}}x</title>{{else}}</title><p>{{/if}}<p>`,
		`<!-- {{#if Account.Name}} --><p>{{else}} --><p>{{/if}}`,
	} {
		source = "<style>p,.a{color:green}</style>" + source
		if got, problems := stylesheet.Inline(source); problems != nil || got != source {
			t.Errorf("%v: %s", problems, got)
		}
	}
	whole := `<style>p{color:green}</style><p title="{{#if Account.Name}}a{{else}}b{{/if}}">`
	if got, _ := stylesheet.Inline(whole); got == whole {
		t.Error("a condition inside of one tag keeps the document from being inlined")
	}
}

func TestMoreSpecificRulesWin(t *testing.T) {
	got, _ := stylesheet.Inline(`<style>#i{color:red} .c{color:blue} p{color:green}</style><p id="i" class="c">a</p><p class="c">b</p>`)
	if !strings.Contains(got, `<p style="color:red" id="i"`) || !strings.Contains(got, `<p style="color:blue" class="c">b`) {
		t.Error(got)
	}
}

func TestStylesThatAreTooMuchWorkAreRefused(t *testing.T) {
	for name, source := range map[string]string{
		"many ways to match": "<style>" + strings.Repeat("b b b b b b{color:red}", 10) + "</style>" + strings.Repeat("<b>", 300),
		"no end of url(":     "<style>b{color:red}" + strings.Repeat("url(", 15000) + "</style><b>",
		"no end of depth":    "<style>b{color:red}</style>" + strings.Repeat("<div>", 2000),
	} {
		got, problems := stylesheet.Inline(source)
		if got != source || len(problems) != 1 || problems[0].Rule != "html.styles" {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func BenchmarkInline(b *testing.B) {
	var doc strings.Builder
	doc.WriteString("<style>body{margin:0}td{padding:8px;color:#333}.head td{font-weight:bold}a.button{background:#06c;color:#fff}@media (max-width:600px){td{width:100%}}</style><table>")
	for range 40 {
		doc.WriteString(`<tr class="head"><td>{{Invoice.Number}}</td><td><a class="button" href="https://example.com/{{Invoice.Id}}">pay</a></td></tr>`)
	}
	doc.WriteString("</table>")
	for b.Loop() {
		if _, p := stylesheet.Inline(doc.String()); p != nil {
			b.Fatal(p)
		}
	}
}
