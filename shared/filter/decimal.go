package filter

import (
	"cmp"
	"strings"
)

// decimal is an exact decimal that points into the text it was read from, so
// that reading and comparing allocate nothing. Its value is
// 0.d₀d₁d₂… × 10^point, negated where neg, with d₀ and the last digit not 0.
type decimal struct {
	whole, frac string // the digits as written, before and behind the point
	lead        int    // how many zeros come before d₀
	digits      int    // how many digits count; 0 is the number zero
	point       int
	neg         bool
}

// maxExponent bounds the exponents that are taken for numbers: far beyond any
// amount, far from overflow.
const maxExponent = 99_999

// parseDecimal reads a number of the grammar of JSON.
func parseDecimal(s string) (d decimal, ok bool) {
	s, d.neg = cutSign(s)
	d.whole, s = cutDigits(s)
	if d.whole == "" || len(d.whole) > 1 && d.whole[0] == '0' {
		return decimal{}, false
	}
	if rest, found := strings.CutPrefix(s, "."); found {
		if d.frac, s = cutDigits(rest); d.frac == "" {
			return decimal{}, false
		}
	}
	exp, ok := parseExponent(s)
	if !ok {
		return decimal{}, false
	}
	return d.normal(exp), true
}

func cutSign(s string) (rest string, neg bool) {
	return strings.TrimPrefix(s, "-"), strings.HasPrefix(s, "-")
}

func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

// parseExponent reads what follows the digits: nothing, or e and an integer.
func parseExponent(s string) (exp int, ok bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s, neg := cutSign(strings.TrimPrefix(s[1:], "+"))
	digits, rest := cutDigits(s)
	if digits == "" || rest != "" {
		return 0, false
	}
	for i := range len(digits) {
		if exp = exp*10 + int(digits[i]-'0'); exp > maxExponent {
			return 0, false
		}
	}
	if neg {
		exp = -exp
	}
	return exp, true
}

func (d decimal) normal(exp int) decimal {
	n := len(d.whole) + len(d.frac)
	for d.lead < n && d.digit(0) == '0' {
		d.lead++
	}
	d.digits = n - d.lead
	for d.digits > 0 && d.digit(d.digits-1) == '0' {
		d.digits--
	}
	if d.digits == 0 {
		return decimal{}
	}
	d.point = len(d.whole) - d.lead + exp
	return d
}

// digit returns the i-th digit that counts.
func (d decimal) digit(i int) byte {
	i += d.lead
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.frac[i-len(d.whole)]
}

func (d decimal) sign() int {
	switch {
	case d.digits == 0:
		return 0
	case d.neg:
		return -1
	default:
		return 1
	}
}

// compare returns -1, 0 or 1 as d is less than, equal to or greater than e.
func (d decimal) compare(e decimal) int {
	if c := cmp.Compare(d.sign(), e.sign()); c != 0 || d.digits == 0 {
		return c
	}
	return d.sign() * d.compareMagnitude(e)
}

func (d decimal) compareMagnitude(e decimal) int {
	if c := cmp.Compare(d.point, e.point); c != 0 {
		return c
	}
	for i := range min(d.digits, e.digits) {
		if c := cmp.Compare(d.digit(i), e.digit(i)); c != 0 {
			return c
		}
	}
	return cmp.Compare(d.digits, e.digits)
}
