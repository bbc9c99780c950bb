package markup

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/tokens/internal/syntax"
)

// mark is a text that nothing else holds.
const mark = "qqq"

var scraps = []string{
	"<", ">", "/", "!", "-", "--", "=", "\"", "'", " ", "a", "<p", "<p ", "title", "title=\"", "<!--", "-->", "--!>", "<title>", "</title", "<style>",
	"</style>", "<script>", "</script>", "<textarea>", "</textarea", "<?", "<![CDATA[", "]]>", "<!doctype", "&lt;", "\n", "/>", "</", "<br/>",
}

// The tokenizer of another author is asked where the text stands that replaces
// the tag.
func TestATagIsAcceptedOnlyWhereAnotherTokenizerSeesAText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := strings.Join(rapid.SliceOfN(rapid.SampledFrom(scraps), 0, 12).Draw(t, "before"), "")
		places, problems := Find(syntax.Tree{&syntax.Text{Value: before}, &syntax.Output{Pos: len(before)}})
		refused := slices.ContainsFunc(problems, func(p syntax.Problem) bool { return p.Rule != "html.open" })
		if refused != (len(places) == 0) && problems[0].Rule != "html.element" {
			t.Errorf("%q: %d places and %v", before, len(places), problems)
		}
		if refused {
			return
		}
		// A second attribute of the same name is dropped: nowhere is safe too.
		if seen := standing(before + mark + "\"'>"); seen != "text" && seen != "value" && seen != "nowhere" {
			t.Errorf("%q: accepted, but it stands in %s", before, seen)
		}
	})
}

// standing says in what kind of token the mark stands.
func standing(doc string) string {
	z := html.NewTokenizer(strings.NewReader(doc))
	raw := ""
	for z.Next() != html.ErrorToken {
		token := z.Token()
		within := raw
		raw = ""
		switch token.Type {
		case html.TextToken:
			if strings.Contains(token.Data, mark) {
				return within + "text"
			}
		case html.CommentToken, html.DoctypeToken:
			if strings.Contains(token.Data, mark) {
				return "a comment"
			}
		default:
			if token.Type == html.StartTagToken && slices.Contains([]string{"script", "style", "textarea"}, token.Data) {
				raw = token.Data + " "
			}
			if strings.Contains(token.Data, mark) {
				return "a name"
			}
			for _, a := range token.Attr {
				if strings.Contains(a.Key, mark) {
					return "the name of an attribute"
				}
				if strings.Contains(a.Val, mark) {
					return "value"
				}
			}
		}
	}
	return "nowhere"
}
