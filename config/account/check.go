package account

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// MaxContacts is the greatest number of contacts of an account.
const MaxContacts = 50

// Check returns the rules that a breaks. Which contact types exist is the
// owner's matter and is checked by types.
func (a *Account) Check(types ContactTypes) fault.Problems {
	var r field.Report
	r.ID("/id", a.ID)
	r.Name("/name", a.Name)
	r.Line("/display_name", a.DisplayName, field.MaxName)
	r.Line("/status", a.Status, field.MaxName)
	r.Zone("/time_zone", a.TimeZone)
	r.Locale("/locale", a.Locale)
	if a.Currency != "" && !currency.MatchString(a.Currency) {
		r.Add("/currency", "currency.form", "must be a currency code of ISO 4217, such as EUR")
	}
	r.Range("/bill_day", int64(a.BillDay), 0, 28)
	checkAmount(&r, "/balance", a.Balance)
	checkAmount(&r, "/balance_due", a.BalanceDue)
	r.Join("/company", a.Company.check())
	a.checkContacts(&r, types)
	return r.Problems()
}

func checkAmount(r *field.Report, pointer string, a Amount) {
	if a != "" && !a.Valid() {
		r.Add(pointer, "money.form", `must be decimal text such as "1234.50", with at most 18 digits before and 6 behind the point`)
	}
}

func (c *Company) check() fault.Problems {
	var r field.Report
	checkLines(&r, map[string]string{
		"/name": c.Name, "/address1": c.Address1, "/address2": c.Address2, "/city": c.City,
		"/state": c.State, "/zip": c.Zip, "/country": c.Country, "/phone": c.Phone,
	})
	if c.Email != "" {
		r.Address("/email", c.Email)
	}
	return r.Problems()
}

func (a *Account) checkContacts(r *field.Report, types ContactTypes) {
	if len(a.Contacts) > MaxContacts {
		r.Add("/contacts", "list.length", "an account has at most 50 contacts")
		return
	}
	byType, byID := map[string]bool{}, map[string]bool{}
	for i := range a.Contacts {
		c := &a.Contacts[i]
		r.Join(field.At("/contacts", i), c.Check(types))
		if byType[c.Type] {
			r.Add(field.At("/contacts", i, "type"), "contact.second", "the account has another contact of type "+c.Type+"; an account has at most one contact per contact type")
		}
		if byID[c.ID] {
			r.Add(field.At("/contacts", i, "id"), "id.duplicate", "another contact of the account has this id")
		}
		byType[c.Type], byID[c.ID] = true, true
	}
}

func unknownType(types ContactTypes) string {
	names := make([]string, len(types.Types))
	for i, t := range types.Types {
		names[i] = t.ID
	}
	if len(names) == 0 {
		return "no such contact type; the owner has none yet"
	}
	return "no such contact type; the owner has " + strings.Join(names, ", ")
}

// Check returns the rules that c breaks by itself, and whether its type exists.
func (c *Contact) Check(types ContactTypes) fault.Problems {
	var r field.Report
	r.ID("/id", c.ID)
	r.ID("/type", c.Type)
	if _, ok := types.Find(c.Type); !ok {
		r.Add("/type", "contact_type.unknown", unknownType(types))
	}
	checkLines(&r, map[string]string{
		"/first_name": c.FirstName, "/last_name": c.LastName, "/title": c.Title, "/company": c.Company,
		"/phone": c.Phone, "/address1": c.Address1, "/address2": c.Address2, "/city": c.City,
		"/state": c.State, "/zip": c.Zip, "/country": c.Country,
	})
	if c.Email != "" {
		r.Address("/email", c.Email)
	}
	return r.Problems()
}

// checkLines wants every value to be one line; their order is that of the
// pointers, so that the same document always gives the same answer.
func checkLines(r *field.Report, values map[string]string) {
	for _, pointer := range slices.Sorted(maps.Keys(values)) {
		r.Line(pointer, values[pointer], field.MaxText)
	}
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)
