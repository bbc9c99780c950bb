// Package filter decides which events a subscription wants, by the values of
// tokens. There is one compiled filter type for everyone who asks, so a
// matcher and an ordered subscription can never disagree. It refuses to look
// at anything but values: owner and type are matched before a filter is asked.
//
// A filter names tokens, and for each a list of alternatives. It matches when
// every token holds, and a token holds when any of its alternatives does:
//
//	{
//	  "AccountService.PreviousStatus": ["Active"],
//	  "AccountService.CurrentStatus":  ["Suspended", {"prefix": "Cancel"}],
//	  "UsageBucket.Threshold":         [{"numeric": [">=", 90]}]
//	}
//
// The alternatives are:
//
//	"text", 90, true         the value is that string, number or boolean
//	{"prefix": "text"}       the value is a string that begins so
//	{"suffix": "text"}       the value is a string that ends so
//	{"anything-but": V}      the value is present and not V; V may be a list
//	{"numeric": [op, n,...]} the value is a number in the range; op is one of
//	                         = < <= > >=, one or two pairs
//	{"exists": true}         the value is present; false: it is absent
//
// Kinds are never mixed: 90 does not equal "90". Numbers compare as exact
// decimals (90 equals 90.0 and 9e1); nothing passes through a float. Only
// "numeric" reads a string as a number, because money is decimal text: "12.50"
// is in [">=", "12.5"]. An absent value satisfies {"exists": false} and
// nothing else.
package filter

import (
	"github.com/billhook/billhook/shared/event"
)

// The limits of a filter.
const (
	// MaxTokens is the greatest number of tokens that a filter may name.
	MaxTokens = 20
	// MaxAlternatives is the greatest number of alternatives of one token; a
	// list in anything-but counts each of its values.
	MaxAlternatives = 50
	// MaxText is the greatest length of a value or number in bytes.
	MaxText = 1024
)

// Spec is a filter as an owner writes it: alternatives by token name. The
// empty Spec matches every event.
type Spec map[string][]Alternative

// Op says how an alternative looks at a value.
type Op string

// The operations. Their text is the member name in JSON, except for Exact,
// whose alternative is written as the bare value.
const (
	Exact       Op = "exact"
	Prefix      Op = "prefix"
	Suffix      Op = "suffix"
	AnythingBut Op = "anything-but"
	Numeric     Op = "numeric"
	Exists      Op = "exists"
)

// Alternative is one way in which a token's value may satisfy a filter.
type Alternative struct {
	Op Op
	// Values holds the operands of Exact, Prefix and Suffix (one) and of
	// AnythingBut (one or more).
	Values []event.Value
	// Bounds holds the one or two bounds of Numeric; all must hold.
	Bounds []Bound
	// Present is the operand of Exists.
	Present bool
}

// Bound is one comparison of Numeric.
type Bound struct {
	// Op is one of = < <= > >=.
	Op string
	// Value is a decimal, as a number or as a string.
	Value event.Value
}

// Legal tells whether a token may be filtered on; where it may not, hint says
// what is legal, such as the nearest token.
type Legal func(token string) (ok bool, hint string)
