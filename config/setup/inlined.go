package setup

import (
	"maps"
	"slices"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/stylesheet"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// inline makes the HTML bodies that are rendered. They are judged once more:
// what inlining made of a template must be as harmless as the template.
func inline(canned *email.Canned, c *tokens.Catalogue) fault.Problems {
	bodies := map[string]string{"": canned.HTML}
	for tag, t := range canned.Locales {
		bodies[tag] = t.HTML
	}
	var r field.Report
	canned.Inlined = map[string]string{}
	for _, tag := range slices.Sorted(maps.Keys(bodies)) {
		html, problems := stylesheet.Inline(bodies[tag])
		if html != bodies[tag] {
			canned.Inlined[tag] = html
			problems = checkInlined(c, html)
		}
		r.Join(bodyPointer(tag), problems)
	}
	return r.Problems()
}

func bodyPointer(tag string) string {
	if tag == "" {
		return "/html"
	}
	return "/locales" + fault.Pointer(tag) + "/html"
}

func checkInlined(c *tokens.Catalogue, html string) fault.Problems {
	problems := c.Check(html, tokens.Use{Channel: delivery.Email, Output: tokens.HTML})
	for i := range problems {
		problems[i].Detail = "with its styles inlined: " + problems[i].Detail
		problems[i].Line, problems[i].Column = 0, 0 // of a text that nobody wrote
	}
	return problems
}

// CheckCanned returns what is wrong with the templates of a stored canned email
// as they are rendered, whatever the event.
func CheckCanned(c *tokens.Catalogue, canned *email.Canned) fault.Problems {
	var r field.Report
	r.Join("", CheckEmail(c, &canned.Spec, nil))
	for _, tag := range slices.Sorted(maps.Keys(canned.Inlined)) {
		r.Join(bodyPointer(tag), checkInlined(c, canned.Inlined[tag]))
	}
	return r.Problems()
}
