package filter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// Check returns everything that is wrong with s, with pointers into its JSON
// form, in the order of token names. A nil legal allows every token.
func (s Spec) Check(legal Legal) fault.Problems {
	var p fault.Problems
	if len(s) > MaxTokens {
		p = append(p, problem("", "filter.limit", fmt.Sprintf("names %d tokens; at most %d are allowed", len(s), MaxTokens)))
	}
	for _, token := range slices.Sorted(maps.Keys(s)) {
		at := fault.Pointer(token)
		if legal != nil {
			p = append(p, checkToken(token, legal)...)
		}
		p = append(p, checkCount(at, s[token])...)
		for i, a := range s[token] {
			p = append(p, a.check(at+"/"+strconv.Itoa(i))...)
		}
	}
	return p
}

func problem(at, rule, detail string) fault.Problem {
	return fault.Problem{Pointer: at, Rule: rule, Detail: detail}
}

func checkToken(token string, legal Legal) fault.Problems {
	ok, hint := legal(token)
	if ok {
		return nil
	}
	detail := fmt.Sprintf("token %q cannot be filtered on here", clip(token))
	if hint != "" {
		detail += "; " + hint
	}
	return fault.Problems{problem(fault.Pointer(token), "filter.token", detail)}
}

func checkCount(at string, alts []Alternative) fault.Problems {
	n := 0
	for _, a := range alts {
		n += max(1, len(a.Values))
	}
	switch {
	case n == 0:
		return fault.Problems{problem(at, "filter.empty", "has no alternative and could never match")}
	case n > MaxAlternatives:
		return fault.Problems{problem(at, "filter.limit",
			fmt.Sprintf("has %d alternatives; at most %d are allowed", n, MaxAlternatives))}
	default:
		return nil
	}
}

func (a Alternative) check(at string) fault.Problems {
	switch a.Op {
	case Exact:
		return a.checkValues(at, 1)
	case Prefix, Suffix:
		return a.checkAffix(at + fault.Pointer(string(a.Op)))
	case AnythingBut:
		return a.checkValues(at+"/anything-but", MaxAlternatives)
	case Numeric:
		return a.checkBounds(at + "/numeric")
	case Exists:
		return nil
	default:
		return fault.Problems{problem(at, "filter.operator", fmt.Sprintf("%q is no operator", clip(string(a.Op))))}
	}
}

func (a Alternative) checkAffix(at string) fault.Problems {
	p := a.checkValues(at, 1)
	if len(p) == 0 && (a.Values[0].Kind() != event.String || a.Values[0].Text() == "") {
		p = append(p, problem(at, "filter.operand", "must be a string that is not empty"))
	}
	return p
}

func (a Alternative) checkValues(at string, most int) fault.Problems {
	if len(a.Values) == 0 || len(a.Values) > most {
		return fault.Problems{problem(at, "filter.operand", fmt.Sprintf("must have 1 to %d values", most))}
	}
	var p fault.Problems
	for i, v := range a.Values {
		where := at
		if len(a.Values) > 1 {
			where += "/" + strconv.Itoa(i)
		}
		p = append(p, checkValue(where, v)...)
	}
	return p
}

func checkValue(at string, v event.Value) fault.Problems {
	_, isDecimal := parseDecimal(v.Text())
	switch {
	case len(v.Text()) > MaxText:
		return fault.Problems{problem(at, "filter.limit", fmt.Sprintf("is longer than %d bytes", MaxText))}
	case v.Kind() == event.Absent:
		return fault.Problems{problem(at, "filter.operand", "must be a string, a number or a boolean")}
	case v.Kind() == event.Number && !isDecimal:
		return fault.Problems{problem(at, "filter.operand", "is no number that can be compared exactly")}
	default:
		return nil
	}
}

func (a Alternative) checkBounds(at string) fault.Problems {
	if len(a.Bounds) < 1 || len(a.Bounds) > 2 {
		return fault.Problems{problem(at, "filter.operand", numericForm)}
	}
	var p fault.Problems
	for i, b := range a.Bounds {
		if !slices.Contains(comparisons, b.Op) {
			p = append(p, problem(at+"/"+strconv.Itoa(2*i), "filter.operator",
				fmt.Sprintf("%q is no comparison; legal are %s", clip(b.Op), strings.Join(comparisons, " "))))
		}
		where := at + "/" + strconv.Itoa(2*i+1)
		if bad := checkValue(where, b.Value); len(bad) > 0 {
			p = append(p, bad...)
		} else if _, ok := parseDecimal(b.Value.Text()); !ok {
			p = append(p, problem(where, "filter.operand", "must be a decimal, such as 90 or \"12.50\""))
		}
	}
	if len(p) == 0 && a.empty() {
		p = append(p, problem(at, "filter.range", "is a range that no number is in"))
	}
	return p
}

// empty reports whether two bounds exclude each other: then no number at all
// satisfies both, and a number that does would be one of the two or between.
func (a Alternative) empty() bool {
	if len(a.Bounds) < 2 {
		return false
	}
	first, second := compileBound(a.Bounds[0]), compileBound(a.Bounds[1])
	switch {
	case first.min() && second.max():
		return first.excludes(second)
	case first.max() && second.min():
		return second.excludes(first)
	case first.op == "=":
		return !second.holds(first.limit)
	case second.op == "=":
		return !first.holds(second.limit)
	default:
		return false
	}
}

// clip keeps a message short whatever the owner sent.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

var comparisons = []string{"=", "<", "<=", ">", ">="}
