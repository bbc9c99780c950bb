package filter

// bound is a compiled comparison with a limit.
type bound struct {
	op    string
	limit decimal
}

// compileBound takes a bound that was checked.
func compileBound(b Bound) bound {
	limit, _ := parseDecimal(b.Value.Text())
	return bound{op: b.Op, limit: limit}
}

func (b bound) holds(d decimal) bool {
	c := d.compare(b.limit)
	switch b.op {
	case "=":
		return c == 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	default:
		return c >= 0
	}
}

func (b bound) min() bool { return b.op == ">" || b.op == ">=" }

func (b bound) max() bool { return b.op == "<" || b.op == "<=" }

// excludes reports whether no number is above b, a least bound, and below top.
// Decimals are dense, so bounds apart always have one between.
func (b bound) excludes(top bound) bool {
	c := b.limit.compare(top.limit)
	return c > 0 || c == 0 && !(b.op == ">=" && top.op == "<=")
}
