package filter

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// Parse reads a filter from JSON. It is strict: a member given twice, an
// unknown operator, more than one operator in an alternative or a null is
// refused. Numbers keep their digits. Its error is [fault.Problems] with
// pointers into b. What it accepts has the right shape; see [Spec.Check] for
// the rest. The JSON null is the empty filter.
func Parse(b []byte) (Spec, error) {
	if !utf8.Valid(b) || !json.Valid(b) {
		return nil, fault.Problems{{Rule: "filter.syntax", Detail: "is not valid JSON in UTF-8"}}
	}
	if string(bytes.TrimSpace(b)) == "null" {
		return nil, nil
	}
	var p parser
	spec := p.spec(b)
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return spec, nil
}

// UnmarshalJSON reads as [Parse] does.
func (s *Spec) UnmarshalJSON(b []byte) error {
	spec, err := Parse(b)
	if err != nil {
		return err
	}
	*s = spec
	return nil
}

// parser collects the problems of one document. Its input is valid JSON.
type parser struct{ problems fault.Problems }

func (p *parser) refuse(pointer, rule, detail string) {
	p.problems = append(p.problems, fault.Problem{Pointer: pointer, Rule: rule, Detail: detail})
}

func (p *parser) spec(b []byte) Spec {
	spec := Spec{}
	for _, m := range p.members("", b, "must be an object of lists of alternatives by token name") {
		at := fault.Pointer(m.name)
		for i, raw := range p.list(at, m.value, "must be a list of alternatives, such as [\"Active\"]") {
			if a, ok := p.alternative(at+"/"+strconv.Itoa(i), raw); ok {
				spec[m.name] = append(spec[m.name], a)
			}
		}
		if _, ok := spec[m.name]; !ok {
			spec[m.name] = []Alternative{}
		}
	}
	return spec
}

func (p *parser) alternative(at string, raw []byte) (Alternative, bool) {
	if raw[0] != '{' {
		v, ok := p.value(at, raw)
		return Alternative{Op: Exact, Values: []event.Value{v}}, ok
	}
	ms := p.members(at, raw, "")
	if len(ms) != 1 {
		p.refuse(at, "filter.operator", "must hold exactly one of prefix, suffix, anything-but, numeric, exists")
		return Alternative{}, false
	}
	op, arg := Op(ms[0].name), ms[0].value
	at += fault.Pointer(ms[0].name)
	switch op {
	case Prefix, Suffix:
		v, ok := p.value(at, arg)
		return Alternative{Op: op, Values: []event.Value{v}}, ok
	case AnythingBut:
		return p.anythingBut(at, arg)
	case Numeric:
		return p.numeric(at, arg)
	case Exists:
		return p.exists(at, arg)
	default:
		p.refuse(at, "filter.operator", "is no operator; legal are prefix, suffix, anything-but, numeric, exists")
		return Alternative{}, false
	}
}

func (p *parser) anythingBut(at string, arg []byte) (Alternative, bool) {
	a := Alternative{Op: AnythingBut}
	if arg[0] != '[' {
		v, ok := p.value(at, arg)
		a.Values = []event.Value{v}
		return a, ok
	}
	all := true
	for i, raw := range p.list(at, arg, "") {
		v, ok := p.value(at+"/"+strconv.Itoa(i), raw)
		a.Values = append(a.Values, v)
		all = all && ok
	}
	return a, all
}

func (p *parser) numeric(at string, arg []byte) (Alternative, bool) {
	raws := p.list(at, arg, numericForm)
	if len(raws)%2 != 0 {
		p.refuse(at, "filter.operand", numericForm)
	}
	a := Alternative{Op: Numeric}
	for i := 0; i+1 < len(raws); i += 2 {
		op, okOp := p.value(at+"/"+strconv.Itoa(i), raws[i])
		v, okV := p.value(at+"/"+strconv.Itoa(i+1), raws[i+1])
		if !okOp || !okV {
			return a, false
		}
		a.Bounds = append(a.Bounds, Bound{Op: op.Text(), Value: v})
	}
	return a, len(raws)%2 == 0 && raws != nil
}

func (p *parser) exists(at string, arg []byte) (Alternative, bool) {
	v, ok := p.value(at, arg)
	if ok && v.Kind() != event.Bool {
		p.refuse(at, "filter.operand", "must be true or false")
		return Alternative{}, false
	}
	return Alternative{Op: Exists, Present: v.Text() == "true"}, ok
}

// value reads a scalar.
func (p *parser) value(at string, raw []byte) (event.Value, bool) {
	var v event.Value
	if err := json.Unmarshal(raw, &v); err != nil || v.Kind() == event.Absent {
		p.refuse(at, "filter.operand", "must be a string, a number or a boolean; for absent values write {\"exists\": false}")
		return event.Value{}, false
	}
	return v, true
}

func (p *parser) list(at string, raw []byte, rule string) []json.RawMessage {
	var raws []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &raws) != nil {
		p.refuse(at, "filter.shape", rule)
		return nil
	}
	return raws
}

type member struct {
	name  string
	value json.RawMessage
}

// members splits an object in its order and refuses a name given twice, which
// encoding/json would let pass.
func (p *parser) members(at string, raw []byte, rule string) []member {
	raw = bytes.TrimSpace(raw)
	if raw[0] != '{' {
		p.refuse(at, "filter.shape", rule)
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token() // the brace; errors cannot be, the input is valid
	var out []member
	seen := map[string]bool{}
	for dec.More() {
		var m member
		name, _ := dec.Token()
		m.name, _ = name.(string)
		_ = dec.Decode(&m.value)
		if seen[m.name] {
			p.refuse(at+fault.Pointer(m.name), "filter.duplicate", "is given twice")
			continue
		}
		seen[m.name] = true
		out = append(out, m)
	}
	return out
}

const numericForm = "must be one or two pairs of operator and number, such as [\">=\", 90, \"<\", \"100.50\"]"
