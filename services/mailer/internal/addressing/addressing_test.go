package addressing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/addressing"
	"github.com/billhook/billhook/services/mailer/internal/letter"
)

var (
	ada    = account.Contact{ID: "c1", Type: "billing", FirstName: "Ada", LastName: "Byron", Email: "ada@example.com"}
	tom    = account.Contact{ID: "c2", Type: "technical", Email: "tom@example.com"}
	silent = account.Contact{ID: "c3", Type: "shipping", FirstName: "No", LastName: "Mail"}
	acc    = &account.Account{ID: "A-1", Contacts: []account.Contact{ada, tom, silent}}

	toAda = letter.Address{Name: "Ada Byron", Addr: "ada@example.com"}
	toTom = letter.Address{Addr: "tom@example.com"}
	fixed = letter.Address{Addr: "fixed@example.com"}
)

func kind(t string) email.Recipient { return email.Recipient{ContactType: t} }

func TestWhoGetsWhichLetter(t *testing.T) {
	fixedTo := email.Recipient{Address: "fixed@example.com"}
	cases := []struct {
		name    string
		canned  email.Spec
		sub     subscription.Email
		account *account.Account
		want    addressing.Plan
	}{
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
		{name: "the same address twice is written once", account: acc,
			canned: email.Spec{To: []email.Recipient{fixedTo, fixedTo}},
			want:   addressing.Plan{Letters: []addressing.Letter{{To: []letter.Address{fixed}}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := addressing.Resolve(&c.canned, &c.sub, c.account)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}
