package account

import "github.com/billhook/billhook/shared/event"

// Values returns what the account says for tokens of the groups Account and
// Account Company. What it does not know is absent.
func (a *Account) Values() event.Values {
	v := event.Values{}
	put(v, map[string]string{
		"Account.Id":               a.ID,
		"Account.Name":             a.Name,
		"Account.DisplayName":      a.DisplayName,
		"Account.Balance":          string(a.Balance),
		"Account.BalanceDue":       string(a.BalanceDue),
		"Account.CurrentStatus":    a.Status,
		"Account.Currency":         a.Currency,
		"Account.TimeZone":         a.TimeZone,
		"Account.Company.Name":     a.Company.Name,
		"Account.Company.Address1": a.Company.Address1,
		"Account.Company.Address2": a.Company.Address2,
		"Account.Company.City":     a.Company.City,
		"Account.Company.State":    a.Company.State,
		"Account.Company.Zip":      a.Company.Zip,
		"Account.Company.Country":  a.Company.Country,
		"Account.Company.Phone":    a.Company.Phone,
		"Account.Company.Email":    a.Company.Email,
	})
	if a.BillDay != 0 {
		v["Account.Bill Day"] = event.Int(int64(a.BillDay))
	}
	return v
}

// Values returns what the contact says for tokens of the group Contact.
func (c *Contact) Values() event.Values {
	v := event.Values{}
	put(v, map[string]string{
		"Contact.Id":        c.ID,
		"Contact.Type":      c.Type,
		"Contact.FirstName": c.FirstName,
		"Contact.LastName":  c.LastName,
		"Contact.Title":     c.Title,
		"Contact.Company":   c.Company,
		"Contact.Email":     c.Email,
		"Contact.Phone":     c.Phone,
		"Contact.Address1":  c.Address1,
		"Contact.Address2":  c.Address2,
		"Contact.City":      c.City,
		"Contact.State":     c.State,
		"Contact.Zip":       c.Zip,
		"Contact.Country":   c.Country,
	})
	return v
}

func put(v event.Values, texts map[string]string) {
	for token, text := range texts {
		if text != "" {
			v[token] = event.Str(text)
		}
	}
}
