package tokens

import (
	"strconv"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens/internal/format"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

// numeric makes the first argument of a call ready, which must be a number.
func (k *compiler) numeric(c *syntax.Call) getter {
	get, t := k.operand(c.Args[0])
	if get != nil && !t.numeric() {
		k.refuse(c.Args[0].Position(), "helper.type", c.Helper+" takes a token of type money, integer, decimal or percent"+having(t))
	}
	return get
}

// having names the type that an operand has instead.
func having(t Type) string {
	if t == "" {
		return ", not a literal"
	}
	return ", not " + string(t)
}

func (k *compiler) separators(c *syntax.Call) format.Separators {
	s := format.Separators{
		Group: k.choice(c, "grouping", ",", "", ".", " ", "'"),
		Point: k.choice(c, "point", ".", ","),
	}
	if s.Group == s.Point {
		k.refuse(c.Pos, "helper.option", "grouping and point must differ (grouping is \",\" and point \".\" when left out)")
	}
	return s
}

func (k *compiler) number(c *syntax.Call) (getter, Type) {
	get, separators := k.numeric(c), k.separators(c)
	digits := -1
	if option(c, "digits") != nil {
		digits, _ = strconv.Atoi(k.choice(c, "digits", "0", "1", "2", "3", "4", "5", "6")) // only these come back
	}
	if get == nil {
		return nil, ""
	}
	return func(v Values) event.Value {
		value := get(v)
		d, ok := format.ParseDecimal(value.Text())
		if !ok {
			return value
		}
		if digits >= 0 {
			d = d.Round(digits)
		}
		return event.Str(d.Text(separators))
	}, String
}

func (k *compiler) currency(c *syntax.Call) (getter, Type) {
	amount, separators := k.numeric(c), k.separators(c)
	code, t := k.operand(c.Args[1])
	switch l, isLiteral := c.Args[1].(*syntax.Literal); {
	case isLiteral:
		if _, known := format.MinorDigits(l.Text); !known {
			k.refuse(l.Pos, "helper.currency", quote(l.Text)+" is no currency code of ISO 4217")
		}
	case code != nil && t != Currency:
		k.refuse(c.Args[1].Position(), "helper.type", "currency takes a token of type currency, or a code in quotes, as its second argument"+having(t))
	}
	if amount == nil || code == nil {
		return nil, ""
	}
	return func(v Values) event.Value {
		value := amount(v)
		if value.Text() == "" {
			return value
		}
		return event.Str(format.Amount(value.Text(), code(v).Text(), separators))
	}, String
}

func (k *compiler) orDefault(c *syntax.Call) (getter, Type) {
	first, t := k.operand(c.Args[0])
	second, t2 := k.operand(c.Args[1])
	if _, isLiteral := c.Args[0].(*syntax.Literal); isLiteral {
		k.refuse(c.Args[0].Position(), "helper.type", "default takes a token as its first argument"+having(""))
	}
	if first == nil || second == nil {
		return nil, ""
	}
	if t2 != t {
		t = String
	}
	return func(v Values) event.Value {
		if value := first(v); value.Text() != "" {
			return value
		}
		return second(v)
	}, t
}
