package api

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billhook/billhook/services/console/internal/page"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/problem"
)

// maxText is the greatest length of a parameter in bytes.
const maxText = 2048

// read checks the parameters of a query: an unknown one is refused, because a
// filter that is misspelt would look like a long list.
func read(params []Param, raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, problem.Refused(fault.Problems{{Rule: "query.form", Detail: "is no valid query"}})
	}
	out := map[string]string{}
	var wrong fault.Problems
	refuse := func(name, rule, detail string) {
		wrong = append(wrong, fault.Problem{Pointer: fault.Pointer(name), Rule: rule, Detail: detail})
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(params, func(p Param) bool { return p.Name == name })
		switch {
		case i < 0:
			refuse(name, "parameter.unknown", "is no parameter of this operation")
		case len(values[name]) > 1:
			refuse(name, "parameter.repeated", "is given twice")
		default:
			if rule, detail := params[i].check(values[name][0]); rule != "" {
				refuse(name, rule, detail)
			}
			out[name] = values[name][0]
		}
	}
	if len(wrong) > 0 {
		return nil, problem.Refused(wrong)
	}
	return out, nil
}

// check returns the rule that a value breaks, empty for none.
func (p *Param) check(v string) (rule, detail string) {
	switch {
	case len(v) > maxText:
		return "text.length", "must have at most " + strconv.Itoa(maxText) + " bytes"
	case len(p.Enum) > 0 && !slices.Contains(p.Enum, v):
		return "value.unknown", "must be " + strings.Join(p.Enum, ", ")
	}
	switch p.Kind {
	case Whole:
		if n, err := strconv.Atoi(v); err != nil || n < 1 || n > page.MaxLimit {
			return "number.range", "must be a whole number from 1 to " + strconv.Itoa(page.MaxLimit)
		}
	case Moment:
		if at, err := time.Parse(time.RFC3339, v); err != nil || at.IsZero() {
			return "moment.form", "must be a moment in RFC 3339, such as 2026-11-01T00:00:00Z"
		}
	case Flag:
		if v != "true" && v != "false" {
			return "flag.form", "must be true or false"
		}
	case ID:
		if !id.Valid(v) {
			return "id.form", "an identifier is " + id.Rule
		}
	case Text:
	}
	return "", ""
}
