package fault

import (
	"errors"
	"strings"
)

// Problem is one broken rule of an input: where, which rule, and what to do.
type Problem struct {
	// Pointer is the RFC 6901 JSON pointer of the offending value; "" is the
	// whole document.
	Pointer string `json:"pointer"`
	// Rule is a stable code of the broken rule, such as "token.unknown".
	Rule string `json:"rule"`
	// Detail says in one sentence what is wrong and what is legal. It never
	// holds a secret.
	Detail string `json:"detail"`
	// Line and Column (from 1) locate the problem inside a template; 0 where
	// the value is no template.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// Problems is every broken rule of one input. It is an error of kind Invalid.
type Problems []Problem

// Error lists the problems, one per clause.
func (p Problems) Error() string {
	parts := make([]string, len(p))
	for i, q := range p {
		where := q.Pointer
		if where == "" {
			where = "/"
		}
		parts[i] = where + ": " + q.Detail + " (" + q.Rule + ")"
	}
	return strings.Join(parts, "; ")
}

// Or returns p as an error, or nil when it is empty.
func (p Problems) Or() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// At returns the problems with prefix put before every pointer, for nesting a
// checked value into its document.
func (p Problems) At(prefix string) Problems {
	out := make(Problems, len(p))
	for i, q := range p {
		q.Pointer = prefix + q.Pointer
		out[i] = q
	}
	return out
}

// ProblemsOf returns the problems in err's chain, nil when there are none.
func ProblemsOf(err error) Problems {
	var p Problems
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// OneOf is the detail of the problem of a value that is none of those allowed:
// "must be a, b or c".
func OneOf[S ~string](allowed ...S) string {
	var b strings.Builder
	b.WriteString("must be ")
	for i, a := range allowed {
		switch {
		case i == 0:
		case i == len(allowed)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(a))
	}
	return b.String()
}

// Pointer builds a JSON pointer from unescaped reference tokens (RFC 6901).
func Pointer(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(pointerEscaper.Replace(t))
	}
	return b.String()
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")
