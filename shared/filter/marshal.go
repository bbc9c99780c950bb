package filter

import (
	"encoding/json"

	"github.com/billhook/billhook/shared/event"
)

// MarshalJSON writes the form that [Parse] reads.
func (a Alternative) MarshalJSON() ([]byte, error) {
	switch a.Op {
	case Exact:
		return json.Marshal(single(a.Values))
	case Prefix, Suffix:
		return json.Marshal(map[Op]event.Value{a.Op: single(a.Values)})
	case AnythingBut:
		if len(a.Values) == 1 {
			return json.Marshal(map[Op]event.Value{a.Op: a.Values[0]})
		}
		return json.Marshal(map[Op][]event.Value{a.Op: a.Values})
	case Numeric:
		pairs := make([]event.Value, 0, 2*len(a.Bounds))
		for _, b := range a.Bounds {
			pairs = append(pairs, event.Str(b.Op), b.Value)
		}
		return json.Marshal(map[Op][]event.Value{a.Op: pairs})
	default:
		return json.Marshal(map[Op]bool{a.Op: a.Present})
	}
}

func single(vs []event.Value) event.Value {
	if len(vs) == 0 {
		return event.Value{}
	}
	return vs[0]
}
