package account

import (
	"slices"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// ContactType is a role that a contact of an account may have.
type ContactType struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Base is the kind of role; [Billing] types take part in email invoicing.
	Base Base `json:"base"`
}

// Base is the kind of a contact type.
type Base string

// The kinds of contact type.
const (
	Billing        Base = "billing"
	Shipping       Base = "shipping"
	Technical      Base = "technical"
	Service        Base = "service"
	Administrative Base = "administrative"
	Other          Base = "other"
)

// ContactTypes is every contact type of an owner, stored as one value so that
// their rules need one compare-and-set.
type ContactTypes struct {
	Types []ContactType `json:"types"`
}

// Find returns the contact type of an id.
func (t ContactTypes) Find(id string) (*ContactType, bool) {
	for i := range t.Types {
		if t.Types[i].ID == id {
			return &t.Types[i], true
		}
	}
	return nil, false
}

// Bases lists every [Base].
func Bases() []Base {
	return []Base{Billing, Shipping, Technical, Service, Administrative, Other}
}

// Check returns the rules that t breaks.
func (t *ContactType) Check() fault.Problems {
	var r field.Report
	r.ID("/id", t.ID)
	r.Name("/name", t.Name)
	if !slices.Contains(Bases(), t.Base) {
		r.Add("/base", "base.unknown", fault.OneOf(Bases()...))
	}
	return r.Problems()
}
