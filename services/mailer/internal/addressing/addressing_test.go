package addressing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/shared/event"
)

var (
	ada    = account.Contact{ID: "c1", Type: "billing", FirstName: "Ada", LastName: "Byron", Email: "ada@example.com"}
	tom    = account.Contact{ID: "c2", Type: "technical", Email: "tom@example.com"}
	eve    = account.Contact{ID: "c4", Type: "accounts", Email: "eve@example.com"}
	silent = account.Contact{ID: "c3", Type: "shipping", FirstName: "No", LastName: "Mail"}
	acc    = &account.Account{ID: "A-1", Contacts: []account.Contact{ada, tom, silent}}
	billed = &account.Account{ID: "A-1", EmailInvoicing: true, Contacts: []account.Contact{eve, tom, ada}}
	unpaid = &account.Account{ID: "A-1", EmailInvoicing: true, Contacts: []account.Contact{tom}}

	types = account.ContactTypes{Types: []account.ContactType{
		{ID: "technical", Base: account.Technical}, {ID: "billing", Base: account.Billing}, {ID: "accounts", Base: account.Billing},
	}}

	toAda = letter.Address{Name: "Ada Byron", Addr: "ada@example.com"}
	toEve = letter.Address{Addr: "eve@example.com"}
	toTom = letter.Address{Addr: "tom@example.com"}
	fixed = letter.Address{Addr: "fixed@example.com"}
)

// values are what an event may carry.
var values = event.Values{
	"Account.Company.Email": event.Str("office@example.com"),
	"ChangedContact.Email":  event.Str("a@example.com>\r\nRCPT TO:<b@evil.example"),
}

func kind(t string) email.Recipient { return email.Recipient{ContactType: t} }

func TestWhoGetsWhichLetter(t *testing.T) {
	fixedTo := email.Recipient{Address: "fixed@example.com"}
	judge(t, []row{
		{name: "one letter per contact, cc with the first only", account: acc,
			canned: email.Spec{To: []email.Recipient{kind("billing"), kind("technical")}, CC: []email.Recipient{fixedTo}},
			want: addressing.Plan{Letters: []addressing.Letter{
				{Contact: &ada, To: []letter.Address{toAda}, CC: []letter.Address{fixed}},
				{Contact: &tom, To: []letter.Address{toTom}},
			}}},
		{name: "fixed addresses go with the first letter", account: acc,
			canned: email.Spec{To: []email.Recipient{fixedTo, kind("billing")}},
			want:   addressing.Plan{Letters: []addressing.Letter{{Contact: &ada, To: []letter.Address{toAda, fixed}}}}},
		{name: "fixed addresses alone need no account",
			canned: email.Spec{To: []email.Recipient{fixedTo}, BCC: []email.Recipient{fixedTo}},
			want:   addressing.Plan{Letters: []addressing.Letter{{To: []letter.Address{fixed}, BCC: []letter.Address{fixed}}}}},
		{name: "the subscription's types take the canned email's place", account: acc,
			canned: email.Spec{To: []email.Recipient{fixedTo}}, sub: subscription.Email{To: []string{"technical"}},
			want: addressing.Plan{Letters: []addressing.Letter{{Contact: &tom, To: []letter.Address{toTom}}}}},
		{name: "a missing contact is named, the others get theirs", account: acc,
			canned: email.Spec{To: []email.Recipient{kind("service"), kind("shipping"), kind("billing")}},
			want: addressing.Plan{Missing: []string{"service", "shipping"},
				Letters: []addressing.Letter{{Contact: &ada, To: []letter.Address{toAda}}}}},
		{name: "nobody to write to gives no letter", account: &account.Account{},
			canned: email.Spec{To: []email.Recipient{kind("billing")}},
			want:   addressing.Plan{Missing: []string{"billing"}}},
		{name: "an event without an account has no contacts",
			canned: email.Spec{To: []email.Recipient{kind("billing")}},
			want:   addressing.Plan{Missing: []string{"billing"}}},
		{name: "a token is written to as a fixed address", account: acc,
			canned: email.Spec{To: []email.Recipient{{Token: "Account.Company.Email"}, kind("billing")}, CC: []email.Recipient{{Token: "Account.Company.Email"}}},
			want: addressing.Plan{Letters: []addressing.Letter{{
				Contact: &ada, To: []letter.Address{toAda, {Addr: "office@example.com"}}, CC: []letter.Address{{Addr: "office@example.com"}},
			}}}},
		{name: "a token that holds no address is missing, whatever it holds", account: acc,
			canned: email.Spec{To: []email.Recipient{kind("billing")}, BCC: []email.Recipient{{Token: "ChangedContact.Email"}, {Token: "Nothing.Email"}}},
			want: addressing.Plan{
				Missing: []string{"ChangedContact.Email", "Nothing.Email"},
				Letters: []addressing.Letter{{Contact: &ada, To: []letter.Address{toAda}}},
			}},
		{name: "the same address twice is written once", account: acc,
			canned: email.Spec{To: []email.Recipient{fixedTo, fixedTo}},
			want:   addressing.Plan{Letters: []addressing.Letter{{To: []letter.Address{fixed}}}}},
	})
}

func TestCopiesFallbacksAndInvoices(t *testing.T) {
	fixedTo := email.Recipient{Address: "fixed@example.com"}
	judge(t, []row{
		{name: "cc goes with each letter where the subscription says so", account: acc,
			canned: email.Spec{To: []email.Recipient{kind("billing"), kind("technical")}, CC: []email.Recipient{fixedTo}},
			sub:    subscription.Email{CopyEach: true},
			want: addressing.Plan{Letters: []addressing.Letter{
				{Contact: &ada, To: []letter.Address{toAda}, CC: []letter.Address{fixed}},
				{Contact: &tom, To: []letter.Address{toTom}, CC: []letter.Address{fixed}},
			}}},
		{name: "the fallback takes the place of a contact that lacks", account: acc,
			canned: email.Spec{To: []email.Recipient{kind("shipping")}}, sub: subscription.Email{Fallback: "fixed@example.com"},
			want: addressing.Plan{Missing: []string{"shipping"}, Letters: []addressing.Letter{{To: []letter.Address{fixed}}}}},
		{name: "the billing contact as fallback", account: acc,
			canned: email.Spec{To: []email.Recipient{kind("shipping")}}, sub: subscription.Email{Fallback: subscription.FallbackBilling},
			want: addressing.Plan{Missing: []string{"shipping"}, Letters: []addressing.Letter{{Contact: &ada, To: []letter.Address{toAda}}}}},
		{name: "the fallback gets no second letter", account: acc,
			canned: email.Spec{To: []email.Recipient{kind("shipping"), kind("billing")}}, sub: subscription.Email{Fallback: subscription.FallbackBilling},
			want: addressing.Plan{Missing: []string{"shipping"}, Letters: []addressing.Letter{{Contact: &ada, To: []letter.Address{toAda}}}}},
		{name: "without a billing contact the fallback is nobody", account: unpaid,
			canned: email.Spec{To: []email.Recipient{kind("shipping")}}, sub: subscription.Email{Fallback: subscription.FallbackBilling},
			want: addressing.Plan{Missing: []string{"shipping"}}},
		{name: "an invoice goes to the billing contact in place of other contacts", account: billed, invoice: true,
			canned: email.Spec{To: []email.Recipient{kind("technical"), kind("shipping"), fixedTo}},
			want: addressing.Plan{Invoicing: true, Letters: []addressing.Letter{
				{Contact: &ada, To: []letter.Address{toAda, fixed}}}}},
		{name: "of two billing contacts the one asked for", account: billed, invoice: true,
			canned: email.Spec{To: []email.Recipient{kind("accounts")}},
			want:   addressing.Plan{Invoicing: true, Letters: []addressing.Letter{{Contact: &eve, To: []letter.Address{toEve}}}}},
		{name: "an invoice for an account without a billing contact", account: unpaid, invoice: true,
			canned: email.Spec{To: []email.Recipient{kind("technical")}},
			want:   addressing.Plan{Invoicing: true, Missing: []string{"billing"}}},
		{name: "no invoice by email to contacts where that is off", account: acc, invoice: true,
			canned: email.Spec{To: []email.Recipient{kind("billing")}, CC: []email.Recipient{kind("technical")}},
			want:   addressing.Plan{Off: true}},
		{name: "but to fixed addresses", account: acc, invoice: true,
			canned: email.Spec{To: []email.Recipient{kind("billing"), fixedTo}},
			want:   addressing.Plan{Off: true, Letters: []addressing.Letter{{To: []letter.Address{fixed}}}}},
	})
}

// row is a case with its plan.
type row struct {
	name    string
	canned  email.Spec
	sub     subscription.Email
	account *account.Account
	invoice bool
	want    addressing.Plan
}

func judge(t *testing.T, cases []row) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := addressing.Resolve(addressing.Case{
				Canned: &c.canned, Use: &c.sub, Account: c.account, Types: types, Invoicing: c.invoice, Values: values,
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}
