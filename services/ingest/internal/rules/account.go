package rules

import "github.com/billhook/billhook/config/account"

// A status that moves is the event's to say: where an event tells the status
// before, the account's record may hold either of both, so the status after is
// not taken from it.
const (
	previousStatus = "Account.PreviousStatus"
	currentStatus  = "Account.CurrentStatus"
)

// supplied returns the tokens that an account's record can give values for.
func supplied() map[string]bool {
	const any = "1"
	full := account.Account{
		ID: any, Name: any, DisplayName: any, Status: any, Currency: any, TimeZone: any,
		BillDay: 1, Balance: any, BalanceDue: any,
		Company: account.Company{
			Name: any, Address1: any, Address2: any, City: any, State: any, Zip: any, Country: any, Phone: any, Email: any,
		},
	}
	out := map[string]bool{}
	for token := range full.Values() {
		out[token] = true
	}
	return out
}
