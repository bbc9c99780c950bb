package filter

import "github.com/billhook/billhook/shared/event"

// set holds values of all kinds; kinds are never mixed.
type set struct {
	texts   map[string]struct{}
	numbers []decimal
	yes, no bool
}

func newSet(values []event.Value) set {
	var s set
	for _, v := range values {
		s.add(v)
	}
	return s
}

func (s *set) add(v event.Value) {
	switch v.Kind() {
	case event.String:
		if s.texts == nil {
			s.texts = map[string]struct{}{}
		}
		s.texts[v.Text()] = struct{}{}
	case event.Number:
		d, _ := parseDecimal(v.Text()) // checked before
		s.numbers = append(s.numbers, d)
	case event.Bool:
		s.yes = s.yes || v.Text() == "true"
		s.no = s.no || v.Text() == "false"
	case event.Absent:
		// refused by Check
	}
}

func (s *set) has(v event.Value) bool {
	switch v.Kind() {
	case event.String:
		_, ok := s.texts[v.Text()]
		return ok
	case event.Number:
		return s.hasNumber(v.Text())
	case event.Bool:
		return s.yes && v.Text() == "true" || s.no && v.Text() == "false"
	default:
		return false
	}
}

func (s *set) hasNumber(text string) bool {
	if len(s.numbers) == 0 {
		return false
	}
	d, ok := parseDecimal(text)
	if !ok {
		return false
	}
	for _, n := range s.numbers {
		if n.compare(d) == 0 {
			return true
		}
	}
	return false
}
