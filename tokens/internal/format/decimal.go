// Package format writes numbers, amounts and moments for people. Numbers are
// decimal text from end to end: no digit passes through a float.
package format

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// MaxDigits is the greatest number of digits behind the point that can be
// asked for.
const MaxDigits = 6

// Separators are what stands between groups of three digits ("" for none) and
// before the fraction.
type Separators struct{ Group, Point string }

// Decimal is a number with all its digits. The zero Decimal is 0.
type Decimal struct {
	digits big.Int // the number without its point
	scale  int     // how many of the digits are behind the point
}

// literal is a number as JSON writes it, of a bearable size.
var literal = regexp.MustCompile(`^(-?[0-9]{1,40})(?:\.([0-9]{1,40}))?(?:[eE]([+-]?[0-9]{1,2}))?$`)

// ParseDecimal reads decimal text. It reports false for what is no number or
// has more than 40 digits before or behind the point.
func ParseDecimal(text string) (Decimal, bool) {
	m := literal.FindStringSubmatch(text)
	if m == nil {
		return Decimal{}, false
	}
	exponent, _ := strconv.Atoi(m[3]) // empty is 0, and two digits are always a number
	d := Decimal{scale: len(m[2]) - exponent}
	d.digits.SetString(m[1]+m[2], 10)
	if d.scale < 0 {
		d.digits.Mul(&d.digits, power(-d.scale))
		d.scale = 0
	}
	return d, true
}

func power(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// Sign returns -1, 0 or 1.
func (d Decimal) Sign() int { return d.digits.Sign() }

// Equal reports whether both are the same number: 90 is 90.00.
func (d Decimal) Equal(o Decimal) bool {
	scale := max(d.scale, o.scale)
	a, b := d.at(scale), o.at(scale)
	return a.Cmp(b) == 0
}

// at returns the digits with the point moved to a greater scale.
func (d Decimal) at(scale int) *big.Int {
	return new(big.Int).Mul(&d.digits, power(scale-d.scale))
}

// Round returns d with exactly that many digits behind the point; a half goes
// away from zero, as on invoices.
func (d Decimal) Round(digits int) Decimal {
	if digits >= d.scale {
		return Decimal{digits: *d.at(digits), scale: digits}
	}
	unit := power(d.scale - digits)
	half := new(big.Int).Rsh(unit, 1)
	abs := new(big.Int).Abs(&d.digits)
	abs.Add(abs, half).Quo(abs, unit)
	if d.digits.Sign() < 0 {
		abs.Neg(abs)
	}
	return Decimal{digits: *abs, scale: digits}
}

// Text writes d.
func (d Decimal) Text(s Separators) string {
	text := new(big.Int).Abs(&d.digits).String()
	if missing := d.scale + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	whole, fraction := text[:len(text)-d.scale], text[len(text)-d.scale:]
	out := group(whole, s.Group)
	if fraction != "" {
		out += s.Point + fraction
	}
	if d.Sign() < 0 {
		out = "-" + out
	}
	return out
}

func group(whole, separator string) string {
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(separator)
		}
		b.WriteByte(whole[i])
	}
	return b.String()
}
