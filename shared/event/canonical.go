package event

import "github.com/billhook/billhook/shared/canonical"

// decodeCanonical reads the form that [Event.Encode] writes. It reports false for
// whatever is not written just so: that is for the general decoder, which accepts
// everything that this one does and gives the same.
func decodeCanonical(b []byte) (*Event, bool) {
	r := canonical.Of(b)
	var e Event
	e.ID = r.Text(`{"id":"`)
	e.Type = r.Text(`,"type":"`)
	e.Owner = r.Text(`,"owner":"`)
	e.Account = r.Optional(`,"account":"`)
	at := r.Text(`,"time":"`)
	r.Expect(`,"data":`)
	if r.Failed() {
		return nil, false
	}
	e.Data = CanonicalValues(r, r.Count(`":`))
	r.Expect("}")
	if !r.Whole() || e.Time.UnmarshalText([]byte(at)) != nil {
		return nil, false
	}
	return &e, true
}

// CanonicalValues reads values as they are written, with room for so many. It
// fails, as the reader does, at what is for the general decoder.
func CanonicalValues(r *canonical.Reader, room int) Values {
	out := make(Values, room)
	r.Expect("{")
	for lead := `"`; !r.Failed() && !r.Has("}"); lead = `,"` {
		name := r.Text(lead)
		r.Expect(":")
		out[name] = canonicalValue(r)
	}
	r.Expect("}")
	return out
}

// canonicalValue reads a string, a whole or decimal number, or a boolean; null and
// numbers with exponents are for the general decoder.
func canonicalValue(r *canonical.Reader) Value {
	if r.Has(`"`) {
		return Str(r.Text(`"`))
	}
	for _, literal := range []string{"true", "false"} {
		if r.Has(literal) {
			r.Expect(literal)
			return Value{literal, Bool}
		}
	}
	return Num(r.Number())
}
