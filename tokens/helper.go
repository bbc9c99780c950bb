package tokens

import (
	"fmt"
	"slices"
	"strings"

	"github.com/billhook/billhook/tokens/internal/syntax"
)

// helper is one of the few functions that a template may call. A call of
// anything else is refused.
type helper struct {
	// least and most bound the number of arguments.
	least, most int
	options     []string
	// block helpers decide between two ways; they give no value.
	block   bool
	example string
	meaning string
}

// helpers are all there are, by name.
var helpers = map[string]helper{
	"date": {
		least: 1, most: 2, options: []string{"zone"},
		example: `{{date Invoice.DueDate "long" zone="Europe/Paris"}}`,
		meaning: "a date, time or moment in a named layout (medium when left out), in the zone of the account or the one named",
	},
	"number": {
		least: 1, most: 1, options: []string{"digits", "grouping", "point"},
		example: `{{number AccountPackage.Quantity digits=2 grouping="." point=","}}`,
		meaning: "a number with that many digits behind the point (0 to 6; all when left out), halves rounded away from zero",
	},
	"currency": {
		least: 2, most: 2, options: []string{"grouping", "point"},
		example: `{{currency Invoice.Total Invoice.Currency}}`,
		meaning: "an amount with the digits of its currency (ISO 4217) and the code behind it; the code is a token or a text",
	},
	"default": {
		least: 2, most: 2,
		example: `{{default Account.DisplayName Account.Name}}`,
		meaning: "the first value, or the second where the first is absent or empty",
	},
	"if": {
		least: 1, most: 1, block: true,
		example: `{{#if Invoice.BalanceDue}}…{{else}}…{{/if}}`,
		meaning: "the first part where the value is there and neither empty, zero nor false",
	},
	"unless": {
		least: 1, most: 1, block: true,
		example: `{{#unless Schedule.Late}}…{{/unless}}`,
		meaning: "the first part where {{#if}} would take the second",
	},
	"equal": {
		least: 2, most: 2, block: true,
		example: `{{#equal Invoice.Status "paid"}}…{{/equal}}, {{#if (equal Invoice.Status "paid")}}…{{else if …}}…{{/if}}`,
		meaning: "the first part where both are the same text, or the same number",
	},
}

// call makes the call of a helper ready that gives a value.
func (k *compiler) call(c *syntax.Call) (getter, Type) {
	h, known := helpers[c.Helper]
	switch {
	case !known:
		k.unknownHelper(c)
		return nil, ""
	case h.block:
		k.refuse(c.Pos, "helper.inline", c.Helper+" gives no value; it stands only as a block: "+h.example)
		return nil, ""
	case !k.fits(h, c):
		return nil, ""
	}
	switch c.Helper {
	case "date":
		return k.date(c)
	case "number":
		return k.number(c)
	case "currency":
		return k.currency(c)
	default:
		return k.orDefault(c)
	}
}

// fits checks number of arguments and names of options of a call.
func (k *compiler) fits(h helper, c *syntax.Call) bool {
	if n := len(c.Args); n < h.least || n > h.most {
		k.refuse(c.Pos, "helper.arguments", fmt.Sprintf("%s takes %s, not %d: %s", c.Helper, count(h), n, h.example))
		return false
	}
	for i, o := range c.Options {
		if !slices.Contains(h.options, o.Name) {
			legal := strings.Join(h.options, ", ")
			if legal == "" {
				legal = "none"
			}
			k.refuse(o.Pos, "helper.option", c.Helper+" has no option "+quote(o.Name)+"; legal: "+legal)
			return false
		}
		if slices.ContainsFunc(c.Options[:i], func(p syntax.Option) bool { return p.Name == o.Name }) {
			k.refuse(o.Pos, "helper.option", "option "+o.Name+" stands twice")
			return false
		}
	}
	return true
}

func count(h helper) string {
	switch {
	case h.most == 1:
		return "one argument"
	case h.least == h.most:
		return fmt.Sprintf("%d arguments", h.most)
	}
	return fmt.Sprintf("%d or %d arguments", h.least, h.most)
}

// unknownHelper refuses a call. The commonest mistake behind it is a token with
// a space in its name.
func (k *compiler) unknownHelper(c *syntax.Call) {
	words := []string{c.Helper}
	for _, a := range c.Args {
		if t, ok := a.(*syntax.Token); ok {
			words = append(words, t.Name)
		}
	}
	if t, ok := k.catalogue.Token(strings.Join(words, " ")); ok && len(words) == len(c.Args)+1 && len(c.Options) == 0 {
		k.refuse(c.Pos, "token.spelling", "the name of token "+quote(t.Name)+" holds a space; write {{"+Spelling(t.Name)+"}}")
		return
	}
	k.refuse(c.Pos, "helper.unknown", "there is no helper "+quote(c.Helper)+
		" (a name with something behind it is a helper); legal are currency, date, default, number and, as blocks, equal, if, unless")
}

// option returns the named option of a call, nil when it is left out.
func option(c *syntax.Call, name string) *syntax.Option {
	for i := range c.Options {
		if c.Options[i].Name == name {
			return &c.Options[i]
		}
	}
	return nil
}

// choice returns the literal text of an option, which must be one of several.
func (k *compiler) choice(c *syntax.Call, name string, legal ...string) string {
	o := option(c, name)
	if o == nil {
		return legal[0]
	}
	l, ok := o.Value.(*syntax.Literal)
	if !ok || !slices.Contains(legal, l.Text) {
		k.refuse(o.Value.Position(), "helper.option", fmt.Sprintf("option %s must be one of %q", name, legal))
		return legal[0]
	}
	return l.Text
}
