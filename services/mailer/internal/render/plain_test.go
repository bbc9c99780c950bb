package render_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/stylesheet"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/shared/event"
)

// bricks are what HTML bodies are built from at random.
var bricks = []string{
	"{{Account.Name}}", "{{Account.Name}}", " {{Account.Name}}, ", "<p>", "</p>", "<p class=\"a\" title=\"{{Account.Name}}\">", "<br>", "<b>", "</b>", "<ul><li>", "</ul>",
	"<table><tr><td>", "</td><td>", "</tr><tr><td>", "</table>", `<a href="https://example.com/{{Invoice.Id}}">`, "</a>", `<img src="https://example.com/a" alt="{{Account.Name}}">`,
	"<style>p,.a{color:red}</style>", "<h1>", "</h1>", "<blockquote>", "</blockquote>", "&amp;", "x", "\n", "<!-- x -->", "<pre>", "</pre>",
}

// TestNoValueIsMoreThanItselfInTheTextMadeFromHTML renders a body with a value,
// and with a word of its length in its place: the text is that of the word, with
// the value for the word. So no value adds a link, takes one away, or changes what is around it.
func TestNoValueIsMoreThanItselfInTheTextMadeFromHTML(t *testing.T) {
	attacks := rapid.SampledFrom([]string{
		"</p><p>", `<ahref="https://evil.example">`, "&lt;b&gt;", "</style><b>", `"></a>`, "<!--", "-->", "&#60;", "(https://evil.example)", "*", "<br>", "</pre>", "|", "&nbsp;", "<",
	})
	r := renderer(t)
	rapid.Check(t, func(t *rapid.T) {
		source, _ := stylesheet.Inline("<style>p{margin:0}</style>" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(bricks), 1, 15).Draw(t, "bricks"), ""))
		// A letter before it: punctuation alone makes no heading.
		value := "a" + rapid.OneOf(attacks, rapid.StringMatching(`[!-~]{1,12}`)).Draw(t, "value")
		word := strings.Repeat("Q", len(value)) // headings are underlined
		with, ok := text(t, r, source, value)
		if !ok {
			t.Skip("refused")
		}
		without, _ := text(t, r, source, word)
		// Blanks around it depend on whether it is punctuation.
		with, without = strings.ReplaceAll(with, " ", ""), strings.ReplaceAll(without, " ", "")
		if want := strings.ReplaceAll(without, word, value); with != want {
			t.Fatalf("value %q in\n%s\nmakes\n%q\nnot\n%q", value, source, with, want)
		}
	})
}

func text(t *rapid.T, r *render.Renderer, source, value string) (string, bool) {
	m := mail(email.Spec{Subject: "s", HTML: source})
	m.Canned.ID = source // another email for the cache
	m.Event.Data["Account.Name"] = event.Str(value)
	got, err := r.Letters(m, []addressing.Letter{{}})
	if err != nil {
		return "", false
	}
	for _, c := range got[0].Text {
		if unicode.IsControl(c) && c != '\n' && c != '\t' {
			t.Fatalf("the text holds %q", c)
		}
	}
	return got[0].Text, true
}

func TestEachLanguageHasItsOwnTextsInTheCache(t *testing.T) {
	r := renderer(t)
	m := mail(email.Spec{Subject: "Invoice", Text: "x", Locales: map[string]email.Texts{
		"de": {Subject: "Rechnung", HTML: "<p>x</p>"}, "pt-BR": {Subject: "Fatura", Text: "x"},
	}})
	m.Canned.Inlined = map[string]string{"de": `<p style="color:red">x</p>`}
	for range 2 { // the second time from the cache
		for locale, want := range map[string]string{"": "Invoice", "fr": "Invoice", "de-AT": "Rechnung", "de": "Rechnung", "pt-BR": "Fatura"} {
			m.Locale = locale
			got, err := r.Letters(m, to(ada))
			if err != nil || got[0].Subject != want {
				t.Errorf("%s: %+v, %v", locale, got, err)
			}
			if strings.HasPrefix(locale, "de") && (got[0].HTML != `<p style="color:red">x</p>` || got[0].Text != "x") {
				t.Errorf("%s: %+v", locale, got[0])
			}
		}
	}
}
