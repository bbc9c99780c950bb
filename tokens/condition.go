package tokens

import (
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens/internal/format"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

// predicate is the condition of a block made ready.
type predicate func(v Values) bool

func never(Values) bool { return false }

// condition makes the condition of a block ready.
func (k *compiler) condition(n *syntax.Block) predicate {
	c := n.Call
	h, known := helpers[c.Helper]
	switch {
	case !known || !h.block:
		k.unknownBlock(n)
		return never
	case !k.fits(h, c):
		return never
	case c.Helper == "equal":
		return k.equal(c)
	}
	holds := k.truth(c)
	if c.Helper == "unless" {
		return func(v Values) bool { return !holds(v) }
	}
	return holds
}

func (k *compiler) unknownBlock(n *syntax.Block) {
	name := n.Call.Helper
	switch _, isToken := k.catalogue.Token(name); {
	case isToken:
		k.refuse(n.Pos, "helper.block", "a token is no block; write {{#if "+Spelling(name)+"}}…{{/if}}")
	case name == "each" || name == "with":
		k.refuse(n.Pos, "helper.block", name+" is not supported: every token is a single value")
	default:
		k.refuse(n.Pos, "helper.block", "there is no block "+quote(name)+"; legal are {{#if}}, {{#unless}}, {{#equal}}")
	}
}

// truth makes the argument of if and unless ready: a token, the call of a
// helper, or a comparison in parentheses.
func (k *compiler) truth(c *syntax.Call) predicate {
	switch arg := c.Args[0].(type) {
	case *syntax.Literal:
		k.refuse(arg.Pos, "helper.condition", "a condition needs a token")
		return never
	case *syntax.Call:
		if arg.Helper == "equal" {
			if !k.fits(helpers["equal"], arg) {
				return never
			}
			return k.equal(arg)
		}
	}
	get, t := k.operand(c.Args[0])
	if get == nil {
		return never
	}
	return func(v Values) bool { return holds(get(v), t) }
}

// holds says whether a value counts as true: it is there, and neither empty,
// false nor, for the types that are numbers, zero.
func holds(value event.Value, t Type) bool {
	text := value.Text()
	if text == "" || value.Kind() == event.Bool && text == "false" {
		return false
	}
	if d, ok := format.ParseDecimal(text); ok && (t.numeric() || value.Kind() == event.Number) {
		return d.Sign() != 0
	}
	return true
}

func (k *compiler) equal(c *syntax.Call) predicate {
	a, ta := k.operand(c.Args[0])
	b, tb := k.operand(c.Args[1])
	_, literalA := c.Args[0].(*syntax.Literal)
	_, literalB := c.Args[1].(*syntax.Literal)
	if literalA && literalB {
		k.refuse(c.Pos, "helper.condition", "a condition needs a token")
	}
	if a == nil || b == nil {
		return never
	}
	numbers := ta.numeric() || tb.numeric()
	return func(v Values) bool { return same(a(v).Text(), b(v).Text(), numbers) }
}

// same compares texts, or numbers where at least one side is known to be one:
// 90 is 90.00.
func same(a, b string, numbers bool) bool {
	if numbers {
		x, ok := format.ParseDecimal(a)
		y, ok2 := format.ParseDecimal(b)
		if ok && ok2 {
			return x.Equal(y)
		}
	}
	return a == b
}
