package subscription

import (
	"encoding/json"
	"slices"
)

// plain is a Subscription without its own JSON methods.
type plain Subscription

// MarshalJSON leaves out the spec of the open version, which is the
// subscription's own.
func (s *Subscription) MarshalJSON() ([]byte, error) {
	out := plain(*s)
	out.Versions = slices.Clone(s.Versions)
	for i := range out.Versions {
		if out.Versions[i].Open() {
			out.Versions[i].Spec = nil
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON puts the spec of the open version back.
func (s *Subscription) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, (*plain)(s)); err != nil {
		return err
	}
	for i := range s.Versions {
		if s.Versions[i].Spec == nil {
			s.Versions[i].Spec = &s.Spec
		}
	}
	return nil
}
