package rules

import (
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

// The forms of texts, which are those of the schema.
var (
	money    = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,6})?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	date     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	clock    = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$`)
	moment   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)
)

// bounds are the least and the greatest number of a type.
type bounds struct{ least, greatest string }

func limits(form tokens.Type) bounds {
	switch form {
	case tokens.Integer:
		return bounds{"-9223372036854775808", "9223372036854775807"}
	case tokens.Percent:
		return bounds{"0", "1000000"}
	default:
		return bounds{"-1000000000000000000", "1000000000000000000"}
	}
}

// value returns the rule that a value breaks, "" for none.
func (r *Rules) value(form tokens.Type, v event.Value) (rule, detail string) {
	switch form {
	case tokens.Integer, tokens.Decimal, tokens.Percent:
		if v.Kind() != event.Number {
			return RuleKind, "must be a number"
		}
		return number(form, v.Text())
	case tokens.Boolean:
		if v.Kind() != event.Bool {
			return RuleKind, "must be true or false"
		}
		return "", ""
	case tokens.Money:
		if v.Kind() != event.String {
			return RuleKind, `money is decimal text, such as "12.50"`
		}
	default:
		if v.Kind() != event.String {
			return RuleKind, "must be a string"
		}
	}
	return r.text(form, v.Text())
}

func (r *Rules) text(form tokens.Type, s string) (rule, detail string) {
	switch form {
	case tokens.Money:
		return matches(money.MatchString(s), `is not decimal text of at most 18 digits and 6 behind the point, such as "12.50"`)
	case tokens.Currency:
		return matches(currency.MatchString(s), "is not a currency code of three capital letters, such as EUR")
	case tokens.Date:
		_, err := time.Parse(time.DateOnly, s)
		return matches(err == nil && date.MatchString(s), "is not a date, such as 2026-11-23")
	case tokens.DateTime:
		_, err := time.Parse(time.RFC3339, s)
		return matches(err == nil && moment.MatchString(s), "is not an RFC 3339 time with its zone, such as 2026-11-23T14:05:00Z")
	case tokens.Time:
		return matches(clock.MatchString(s), "is not a time of day, such as 14:05:00")
	case tokens.TimeZone:
		return matches(r.zones.exists(s), "is not an IANA time zone, such as Europe/Paris")
	}
	if len(s) > tokens.MaxText && utf8.RuneCountInString(s) > tokens.MaxText {
		return RuleLength, "is longer than 8192 characters"
	}
	return "", ""
}

func matches(ok bool, detail string) (string, string) {
	if ok {
		return "", ""
	}
	return RuleForm, detail
}

// number judges a number by its literal: nothing passes through a float.
func number(form tokens.Type, literal string) (rule, detail string) {
	whole, fraction, _ := strings.Cut(literal, ".")
	if form == tokens.Integer && strings.Trim(fraction, "0") != "" {
		return RuleForm, "must be a whole number"
	}
	// Up to 6 digits fit every type, so the long way is rare.
	negative := strings.HasPrefix(whole, "-")
	if len(whole) <= 6 && !(negative && form == tokens.Percent) {
		return "", ""
	}
	b := limits(form)
	n, ok := new(big.Rat).SetString(literal)
	least, _ := new(big.Rat).SetString(b.least)
	greatest, _ := new(big.Rat).SetString(b.greatest)
	if !ok || n.Cmp(least) < 0 || n.Cmp(greatest) > 0 {
		return RuleRange, "must lie within " + b.least + " and " + b.greatest
	}
	return "", ""
}
