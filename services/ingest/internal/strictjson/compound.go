package strictjson

import (
	"strconv"

	"github.com/billhook/billhook/shared/fault"
)

func (s *scanner) object(depth int) (Node, fault.Problems) {
	n := Node{Kind: Object}
	var seen names
	bad := s.list('}', depth, func() fault.Problems {
		name, bad := s.name()
		if bad != nil {
			return bad
		}
		if seen.add(name, n.Members) {
			return problem(RuleDuplicate, "the member is there twice").At(fault.Pointer(name))
		}
		if len(n.Members) == MaxMembers {
			return problem(RuleMembers, "more than %d members", MaxMembers)
		}
		v, bad := s.value(depth + 1)
		if bad != nil {
			return bad.At(fault.Pointer(name))
		}
		if n.Members == nil {
			n.Members = make([]Member, 0, usual)
		}
		n.Members = append(n.Members, Member{Name: name, Value: v})
		return nil
	})
	return n, bad
}

// name reads a member's name and the colon behind it.
func (s *scanner) name() (string, fault.Problems) {
	if s.peek() != '"' {
		return "", s.syntax("a member's name")
	}
	name, bad := s.str()
	if bad != nil {
		return "", bad
	}
	if s.space(); s.peek() != ':' {
		return "", s.syntax("a colon")
	}
	s.pos++
	s.space()
	return name, nil
}

func (s *scanner) array(depth int) (Node, fault.Problems) {
	n := Node{Kind: Array}
	bad := s.list(']', depth, func() fault.Problems {
		if len(n.Items) == MaxMembers {
			return problem(RuleMembers, "more than %d items", MaxMembers)
		}
		v, bad := s.value(depth + 1)
		if bad != nil {
			return bad.At(fault.Pointer(strconv.Itoa(len(n.Items))))
		}
		n.Items = append(n.Items, v)
		return nil
	})
	return n, bad
}

// list reads what stands between an opening bracket, which is at hand, and its
// closing one.
func (s *scanner) list(closing byte, depth int, element func() fault.Problems) fault.Problems {
	if depth > MaxDepth {
		return problem(RuleDepth, "nested deeper than %d", MaxDepth)
	}
	s.pos++
	if s.space(); s.peek() == closing {
		s.pos++
		return nil
	}
	for {
		if bad := element(); bad != nil {
			return bad
		}
		s.space()
		switch s.peek() {
		case closing:
			s.pos++
			return nil
		case ',':
			s.pos++
			s.space()
		default:
			return s.syntax("a comma or " + strconv.QuoteRune(rune(closing)))
		}
	}
}

// names knows the names of an object. Small objects are searched through;
// larger ones get an index, so that many members do not cost their square.
type names struct{ index map[string]struct{} }

// usual is how many members there is room for at first.
const usual = 8

// small is the number of members up to which searching is cheaper.
const small = 24

// add reports whether name is among the members before it.
func (n *names) add(name string, before []Member) bool {
	if len(before) < small {
		for i := range before {
			if before[i].Name == name {
				return true
			}
		}
		return false
	}
	if n.index == nil {
		n.index = make(map[string]struct{}, 4*small)
		for i := range before {
			n.index[before[i].Name] = struct{}{}
		}
	}
	if _, there := n.index[name]; there {
		return true
	}
	n.index[name] = struct{}{}
	return false
}
