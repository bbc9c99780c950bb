package matter

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/billhook/billhook/shared/canonical"
	"github.com/billhook/billhook/shared/event"
)

// Read decodes a matter as it is stored.
func Read(stored []byte) (*Matter, error) {
	if i, ok := quick(stored, true); ok {
		return i, nil
	}
	i := new(Matter)
	return i, json.Unmarshal(stored, i)
}

// Outline decodes a matter without its values, which are most of the work of
// decoding one. It must not be stored.
func Outline(stored []byte) (*Matter, error) {
	if i, ok := quick(stored, false); ok {
		return i, nil
	}
	var o outline
	err := json.Unmarshal(stored, &o)
	return &o.Matter, err
}

// outline is a matter of which some members are passed over.
type outline struct {
	Matter
	Values  passed `json:"values"`
	Present passed `json:"present"`
}

type passed struct{}

func (*passed) UnmarshalJSON([]byte) error { return nil }

// quick decodes the form that encoding/json writes, with its values or without. At
// a restart there may be a million.
func quick(stored []byte, values bool) (*Matter, bool) {
	r := reader{Reader: canonical.Of(stored), ok: true, all: values}
	i := new(Matter)
	i.Owner = r.Text(`{"owner":"`)
	i.Account = r.Optional(`,"account":"`)
	i.Part = int(r.whole(`,"part":`)) //nolint:gosec // as it was written
	i.Name = r.Text(`,"name":"`)
	i.Seq = r.whole(`,"seq":`)
	i.Delivery = r.Optional(`,"delivery":"`)
	i.Delivered = r.whole(`,"delivered":`)
	i.DeliveredAt = r.time(`,"delivered_at":"`)
	i.Posted = r.some(`,"posted":`)
	i.KnownAt = r.time(`,"known_at":"`)
	i.Values = r.values(`,"values":`)
	i.Present = r.values(`,"present":`)
	i.DueDate = r.Optional(`,"due_date":"`)
	i.Passed = r.Optional(`,"passed":"`)
	i.Told = r.Optional(`,"told":"`)
	i.Ended = r.Optional(`,"ended":"`)
	i.Usage = r.usage()
	if r.Has(`,"plans":[`) {
		r.Expect(`,"plans":[`)
		i.Plans = make([]Plan, 0, r.Count(`{"id":"`))
		for lead := `{"id":"`; r.fine() && !r.Has("]"); lead = `,{"id":"` {
			i.Plans = append(i.Plans, r.plan(lead))
		}
		r.Expect("]")
	}
	r.Expect("}")
	return i, r.ok && r.Whole()
}

// reader reads members of matters and plans.
type reader struct {
	*canonical.Reader
	ok bool
	// all is true when values are wanted.
	all bool
}

func (r *reader) fine() bool { return r.ok && !r.Failed() }

func (r *reader) plan(lead string) Plan {
	var p Plan
	p.ID = r.Text(lead)
	p.Kind = Kind(r.Optional(`,"kind":"`))
	p.For = r.Optional(`,"for":"`)
	p.LastSeen = r.time(`,"last_seen":"`)
	p.Days = int(r.whole(`,"days":`)) //nolint:gosec // as it was written
	p.Time = r.Optional(`,"time":"`)
	p.Calendar = r.Optional(`,"calendar":"`)
	p.Zone = r.Optional(`,"zone":"`)
	p.DueAt = r.time(`,"due_at":"`)
	p.State = State(r.Text(`,"state":"`))
	p.Reason = r.Optional(`,"reason":"`)
	p.Delivered = r.some(`,"delivered":`)
	p.Wake = r.time(`,"wake":"`)
	p.Forced = r.time(`,"forced":"`)
	p.FiredAt = r.time(`,"fired_at":"`)
	if late := `,"late":true`; r.Has(late) {
		r.Expect(late)
		p.Late = true
	}
	r.Expect("}")
	return p
}

// usage reads the usage of a service, nil for what is none.
func (r *reader) usage() *Usage {
	const lead = `,"usage":{`
	if !r.Has(lead) {
		return nil
	}
	// The first member has no comma before it, and each may be the first.
	r.Expect(lead)
	u, comma := new(Usage), ""
	for _, m := range []struct {
		name string
		at   *time.Time
	}{{`"seen":"`, &u.Seen}, {`"through":"`, &u.Through}, {`"silent":"`, &u.Silent}} {
		if r.Has(comma + m.name) {
			*m.at = r.time(comma + m.name)
			comma = ","
		}
	}
	u.Package = r.Optional(comma + `"package":"`)
	r.Expect("}")
	return u
}

// some reads a number that may lack.
func (r *reader) some(lead string) uint64 {
	if r.Has(lead) {
		return r.whole(lead)
	}
	return 0
}

func (r *reader) whole(lead string) uint64 {
	r.Expect(lead)
	n, err := strconv.ParseUint(r.Number(), 10, 63)
	r.ok = r.ok && err == nil
	return n
}

// time reads a moment that may lack.
func (r *reader) time(lead string) (at time.Time) {
	if r.Has(lead) {
		r.ok = at.UnmarshalText([]byte(r.Text(lead))) == nil && r.ok
	}
	return at
}

// values reads values that may lack, or passes them.
func (r *reader) values(lead string) event.Values {
	if !r.Has(lead) {
		return nil
	}
	r.Expect(lead)
	if r.all {
		return event.CanonicalValues(r.Reader, 0)
	}
	r.Skip()
	return nil
}
