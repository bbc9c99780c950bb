// Package account is the customer of an owner, with the company's address and
// the people to write to. It refuses to reckon with money: amounts are decimal
// text from end to end.
package account

// Account is a customer of an owner.
type Account struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	Status      string `json:"status,omitempty"`
	// Currency is an ISO 4217 code.
	Currency string `json:"currency,omitempty"`
	// TimeZone is an IANA zone; empty means the owner's.
	TimeZone string `json:"time_zone,omitempty"`
	// Locale is the language to write in, a tag of BCP 47; empty means that of
	// the canned email itself.
	Locale string `json:"locale,omitempty"`
	// BillDay is the day of the month billed, 1 to 28; 0 when unknown.
	BillDay    int     `json:"bill_day,omitempty"`
	Balance    Amount  `json:"balance,omitempty"`
	BalanceDue Amount  `json:"balance_due,omitempty"`
	Company    Company `json:"company,omitzero"`
	// EmailInvoicing says whether invoicing events go to the billing contact.
	EmailInvoicing bool `json:"email_invoicing,omitempty"`
	// Contacts holds at most one contact per contact type. A document without
	// them leaves those that there are; an empty list removes them.
	Contacts []Contact `json:"contacts,omitempty"`
}

// Company is where the customer is.
type Company struct {
	Name     string `json:"name,omitempty"`
	Address1 string `json:"address1,omitempty"`
	Address2 string `json:"address2,omitempty"`
	City     string `json:"city,omitempty"`
	State    string `json:"state,omitempty"`
	Zip      string `json:"zip,omitempty"`
	Country  string `json:"country,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Email    string `json:"email,omitempty"`
}

// Contact is a person of an account, known by the contact type.
type Contact struct {
	ID string `json:"id"`
	// Type is the id of a contact type of the owner.
	Type      string `json:"type"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Title     string `json:"title,omitempty"`
	Company   string `json:"company,omitempty"`
	// Email is a bare address, without a display name.
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Address1 string `json:"address1,omitempty"`
	Address2 string `json:"address2,omitempty"`
	City     string `json:"city,omitempty"`
	State    string `json:"state,omitempty"`
	Zip      string `json:"zip,omitempty"`
	Country  string `json:"country,omitempty"`
}

// Contact returns the contact of a contact type.
func (a *Account) Contact(contactType string) (*Contact, bool) {
	for i := range a.Contacts {
		if a.Contacts[i].Type == contactType {
			return &a.Contacts[i], true
		}
	}
	return nil, false
}
