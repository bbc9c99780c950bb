package account_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/tokens"
)

func owners() account.ContactTypes {
	return account.ContactTypes{Types: []account.ContactType{{ID: "billing", Name: "Billing", Base: account.Billing}}}
}

func TestAccounts(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*account.Account)
		want   string // pointer of the first problem, "" when legal
	}{
		{"least", func(*account.Account) {}, ""},
		{"no name", func(a *account.Account) { a.Name = "" }, "/name"},
		{"long name", func(a *account.Account) { a.Name = strings.Repeat("ä", 201) }, "/name"},
		{"longest name", func(a *account.Account) { a.Name = strings.Repeat("ä", 200) }, ""},
		{"name with a line end", func(a *account.Account) { a.Name = "a\nb" }, "/name"},
		{"invalid UTF-8", func(a *account.Account) { a.DisplayName = "\xff" }, "/display_name"},
		{"currency in small letters", func(a *account.Account) { a.Currency = "eur" }, "/currency"},
		{"zone", func(a *account.Account) { a.TimeZone = "Europe/Atlantis" }, "/time_zone"},
		{"zone that is a path", func(a *account.Account) { a.TimeZone = "../etc/passwd" }, "/time_zone"},
		{"locale", func(a *account.Account) { a.Locale = "pt-BR" }, ""},
		{"locale in words", func(a *account.Account) { a.Locale = "german" }, "/locale"},
		{"bill day", func(a *account.Account) { a.BillDay = 29 }, "/bill_day"},
		{"balance in words", func(a *account.Account) { a.Balance = "ten" }, "/balance"},
		{"balance with a comma", func(a *account.Account) { a.BalanceDue = "1,50" }, "/balance_due"},
		{"negative balance", func(a *account.Account) { a.Balance = "-0.05" }, ""},
		{"huge balance", func(a *account.Account) { a.Balance = account.Amount(strings.Repeat("9", 19)) }, "/balance"},
		{"company's mail", func(a *account.Account) { a.Company.Email = "x" }, "/company/email"},
		{"company's city", func(a *account.Account) { a.Company.City = "a\rb" }, "/company/city"},
		{"contact", func(a *account.Account) { a.Contacts = []account.Contact{{ID: "c", Type: "billing"}} }, ""},
		{"contact without id", func(a *account.Account) { a.Contacts = []account.Contact{{Type: "billing"}} }, "/contacts/0/id"},
		{"contact's mail", func(a *account.Account) {
			a.Contacts = []account.Contact{{ID: "c", Type: "billing", Email: "Ada <a@example.com>"}}
		}, "/contacts/0/email"},
		{"contact's name", func(a *account.Account) {
			a.Contacts = []account.Contact{{ID: "c", Type: "billing", LastName: "a\r\nBcc: b"}}
		}, "/contacts/0/last_name"},
		{"unknown type", func(a *account.Account) { a.Contacts = []account.Contact{{ID: "c", Type: "x"}} }, "/contacts/0/type"},
		{"too many contacts", func(a *account.Account) { a.Contacts = make([]account.Contact, 51) }, "/contacts"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := account.Account{ID: "a", Name: "A"}
			row.change(&a)
			problems := a.Check(owners())
			if row.want == "" && len(problems) > 0 || row.want != "" && (len(problems) == 0 || problems[0].Pointer != row.want) {
				t.Errorf("problems = %v, want %q", problems, row.want)
			}
		})
	}
}

func TestMoneyKeepsItsDigits(t *testing.T) {
	for src, want := range map[string]string{
		`1234.50`: "1234.50", `"0.10"`: "0.10", `-3`: "-3", `""`: "", `123456789012345678.123456`: "123456789012345678.123456",
	} {
		var a account.Amount
		if err := json.Unmarshal([]byte(src), &a); err != nil || string(a) != want {
			t.Errorf("%s = %q, %v", src, a, err)
		}
	}
	for _, src := range []string{`1e3`, `true`, `[]`, `{}`, `01`} {
		var a account.Amount
		if err := json.Unmarshal([]byte(src), &a); err == nil && a.Valid() {
			t.Errorf("%s was taken as %q", src, a)
		}
	}
}

// TestEveryTokenOfTheCatalogueHasItsValue holds the names here and in the
// catalogue together.
func TestEveryTokenOfTheCatalogueHasItsValue(t *testing.T) {
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	a := account.Account{
		ID: "x", Name: "x", DisplayName: "x", Status: "x", Currency: "EUR", TimeZone: "UTC", BillDay: 1, Balance: "1", BalanceDue: "1",
		Company: account.Company{Name: "x", Address1: "x", Address2: "x", City: "x", State: "x", Zip: "x", Country: "x", Phone: "x", Email: "x"},
	}
	contact := account.Contact{
		ID: "x", Type: "x", FirstName: "x", LastName: "x", Title: "x", Company: "x", Email: "x", Phone: "x",
		Address1: "x", Address2: "x", City: "x", State: "x", Zip: "x", Country: "x",
	}
	have := a.Values()
	for name, v := range contact.Values() {
		have[name] = v
	}
	for name := range have {
		if _, ok := c.Token(name); !ok {
			t.Errorf("%s is no token", name)
		}
	}
	for _, token := range c.Tokens() {
		// What an account was before a change only the event knows.
		if token.Name == "Account.PreviousStatus" || token.Group != "Account" && token.Group != "Account Company" && token.Group != "Contact" {
			continue
		}
		if _, ok := have[token.Name]; !ok {
			t.Errorf("nothing gives %s", token.Name)
		}
	}
	if got := (&account.Account{ID: "a"}).Values(); len(got) != 1 {
		t.Errorf("what is unknown is present: %v", got)
	}
}
