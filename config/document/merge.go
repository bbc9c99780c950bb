package document

// Merge returns v as a merge patch (RFC 7396) leaves it: members of the patch
// take the place of those of v, null removes them, and what is no object takes
// the place of the whole. Neither v nor the patch changes.
func (v *Value) Merge(patch *Value) *Value {
	if patch.kind != object {
		return patch
	}
	out := &Value{kind: object, line: patch.line}
	if v != nil && v.kind == object {
		for _, m := range v.members {
			if _, again := patch.child(m.name); !again {
				out.members = append(out.members, m)
			}
		}
	}
	for _, m := range patch.members {
		if m.value.kind == null {
			continue
		}
		var former *Value
		if v != nil && v.kind == object {
			former, _ = v.child(m.name)
		}
		out.members = append(out.members, member{m.name, *former.Merge(&m.value)})
	}
	return out
}
