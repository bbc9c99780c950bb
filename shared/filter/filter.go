package filter

import (
	"maps"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// Filter is a compiled filter. It is immutable and may be used by many
// goroutines at once. The zero Filter and a nil one match every event.
type Filter struct{ conditions []condition }

// Compile returns the filter that s describes. Its error is the
// [fault.Problems] of [Spec.Check]; which tokens are legal was decided when
// the filter was saved.
func Compile(s Spec) (*Filter, error) {
	if p := s.Check(nil); len(p) > 0 {
		return nil, fault.New(fault.Invalid, "compile filter", "", p)
	}
	f := &Filter{conditions: make([]condition, 0, len(s))}
	for _, token := range slices.Sorted(maps.Keys(s)) {
		f.conditions = append(f.conditions, compileCondition(token, s[token]))
	}
	return f, nil
}

// Match reports whether an event with these values is wanted. It allocates
// nothing.
func (f *Filter) Match(values event.Values) bool {
	if f == nil {
		return true
	}
	for i := range f.conditions {
		if c := &f.conditions[i]; !c.holds(values[c.token]) {
			return false
		}
	}
	return true
}

// condition is what one token must satisfy: any of its parts.
type condition struct {
	token           string
	present, absent bool // {"exists": true}, {"exists": false}
	exact           set
	prefixes        []string
	suffixes        []string
	not             []set
	ranges          [][]bound
}

func compileCondition(token string, alts []Alternative) condition {
	c := condition{token: token}
	for _, a := range alts {
		switch a.Op {
		case Exact:
			c.exact.add(a.Values[0])
		case Prefix:
			c.prefixes = append(c.prefixes, a.Values[0].Text())
		case Suffix:
			c.suffixes = append(c.suffixes, a.Values[0].Text())
		case AnythingBut:
			c.not = append(c.not, newSet(a.Values))
		case Numeric:
			c.ranges = append(c.ranges, compileRange(a.Bounds))
		case Exists:
			c.present = c.present || a.Present
			c.absent = c.absent || !a.Present
		}
	}
	return c
}

func compileRange(bounds []Bound) []bound {
	out := make([]bound, len(bounds))
	for i, b := range bounds {
		out[i] = compileBound(b)
	}
	return out
}

func (c *condition) holds(v event.Value) bool {
	switch {
	case v.Kind() == event.Absent:
		return c.absent
	case c.present || c.exact.has(v):
		return true
	case v.Kind() == event.String && c.affixed(v.Text()):
		return true
	case len(c.ranges) > 0 && c.inRange(v):
		return true
	}
	for i := range c.not {
		if !c.not[i].has(v) {
			return true
		}
	}
	return false
}

func (c *condition) affixed(text string) bool {
	for _, p := range c.prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	for _, s := range c.suffixes {
		if strings.HasSuffix(text, s) {
			return true
		}
	}
	return false
}

// inRange reads strings as numbers too: money is decimal text. No boolean reads
// as a number.
func (c *condition) inRange(v event.Value) bool {
	d, ok := parseDecimal(v.Text())
	if !ok {
		return false
	}
	for _, r := range c.ranges {
		if all(r, d) {
			return true
		}
	}
	return false
}

func all(bounds []bound, d decimal) bool {
	for _, b := range bounds {
		if !b.holds(d) {
			return false
		}
	}
	return true
}
