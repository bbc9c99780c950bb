package tokens

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/billhook/billhook/shared/delivery"
)

func loaded(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFifteenSeedEventsCanBeSubscribedAndOneIsOnlyScheduled(t *testing.T) {
	var seeds, scheduled []string
	for _, e := range loaded(t).Events() {
		if e.Origin == Seed && e.Subscribable() {
			seeds = append(seeds, e.Type)
			if !slices.Contains(e.FiredBy, "platform") {
				scheduled = append(scheduled, e.Type)
			}
		}
	}
	if len(seeds) != 15 || !slices.Equal(scheduled, []string{DeliveryDatePlus}) {
		t.Errorf("seeds %d %v, scheduled %v", len(seeds), seeds, scheduled)
	}
}

func TestSignalsCannotBeSubscribed(t *testing.T) {
	e, ok := loaded(t).Event("usage.seen")
	if !ok || e.Subscribable() {
		t.Errorf("usage.seen: known %v, subscribable %v", ok, e.Subscribable())
	}
}

func TestAnEventIsFoundByTypeNameAndAliasInAnyCase(t *testing.T) {
	c := loaded(t)
	for _, name := range []string{"bill_run.completed", "Bill Run Completed", "bill run completion", " BILL RUN COMPLETION "} {
		if e, ok := c.Find(name); !ok || e.Type != "bill_run.completed" {
			t.Errorf("%q: found %v %q", name, ok, e.Type)
		}
	}
	if _, ok := c.Find("bill run"); ok {
		t.Error("a part of a name was found")
	}
}

func TestAvailabilityIsPerEventAndChannel(t *testing.T) {
	c := loaded(t)
	for _, row := range []struct {
		event, token string
		channel      delivery.Channel
		want         bool
	}{
		{"bill_run.completed", "BillRun.EndTime", delivery.Webhook, true},
		{"bill_run.started", "BillRun.EndTime", delivery.Webhook, false},
		{"account.status_change", "Account.PreviousStatus", delivery.Email, true},
		{"account.cancellation", "Account.PreviousStatus", delivery.Email, false},
		{"account.cancellation", "Contact.Email", delivery.Email, true},
		{"account.cancellation", "Contact.Email", delivery.Webhook, false},
		{"credit.processed", "Contact.Email", delivery.Email, false},
		{"bill_run.completed", "AccountService.Name", delivery.Webhook, false},
		{"invoice.posted", "Schedule.Days", delivery.Webhook, false},
		{DeliveryDatePlus, "Schedule.Days", delivery.Webhook, true},
		{"endpoint.disabled", "Operation.Reason", delivery.Email, true},
		{"report.created", "Owner Name", delivery.Webhook, true},
		{"no.such.event", "Owner Name", delivery.Webhook, false},
	} {
		got := slices.ContainsFunc(c.Available(row.event, row.channel), func(t Token) bool { return t.Name == row.token })
		if got != row.want {
			t.Errorf("%s in %s on %s: %v, want %v", row.token, row.event, row.channel, got, row.want)
		}
	}
}

func TestContradictionsInTheDataAreLoadErrors(t *testing.T) {
	for _, row := range []struct{ file, find, replace, want string }{
		{"events.csv", "account.cancellation,,Account,", "account.cancellation,,Acount,", `unknown context "Acount"`},
		{"events.csv", "account.cancellation,,Account,seed", "account.cancellation,,Account,sead", `unknown origin "sead"`},
		{"events.csv", "account.cancellation", "account.status_change", "stands twice"},
		{"events.csv", "Account Cancellation,", "Account Status Change,", "is taken by"},
		{"events.csv", "account.cancellation", "Cancellation", "no dotted name"},
		{"events.csv", "platform,no,BillRun.Status", "platform,no,Invoice.Status", "is not available in it"},
		{"events.csv", "platform,yes,", "platform,maybe,", `invoicing is "maybe"`},
		{"events.csv", "name,type", "type,name", "header is"},
		{"contexts.csv", "Account,Core; Account;", "Account,Core; Akkount;", "which has no tokens"},
		{"contexts.csv", "Bill Run,Core; Bill Run", "Account,Core; Bill Run", "stands twice"},
		{"tokens.csv", "sim.dormant,", "sim.dorment,", "unknown event type"},
		{"tokens.csv", "sim.dormant,", "report.generated,", "lacks group"},
		{"tokens.csv", "Account.DisplayName", "Account.Name", "stands twice"},
		{"tokens.csv", "Account.DisplayName", "Account.{{x}}", "is no name of"},
		{"tokens.csv", "Account,Account.Name,", "Akkount,Account.Name,", "no context offers"},
		{"tokens.csv", "Account.Balance,money", "Account.Balance,cash", "unknown type"},
		{"tokens.csv", "1234.50", "1.234,50", "wrong number of fields"},
		{"tokens.csv", "1234.50", "1e3", "has not the form"},
		{"tokens.csv", "Europe/Paris", "Europe/Pariss", "is no time zone"},
		{"tokens.csv", "2026-11-23T", "2026-02-30T", "out of range"},
		{"tokens.csv", "Given name,yes,no", "Given name,yes,yes", "are for email only"},
	} {
		_, err := load(changed(t, row.file, row.find, row.replace))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s with %q for %q: got %v, want %q in it", row.file, row.replace, row.find, err, row.want)
		}
	}
}

// changed is the built-in data with one text replaced.
func changed(t *testing.T, file, find, replace string) fs.FS {
	t.Helper()
	folder := fstest.MapFS{}
	for _, name := range []string{"contexts.csv", "events.csv", "tokens.csv"} {
		b, err := os.ReadFile("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if name == file {
			was := string(b)
			b = []byte(strings.Replace(was, find, replace, 1))
			if string(b) == was {
				t.Fatalf("%s holds no %q", name, find)
			}
		}
		folder[name] = &fstest.MapFile{Data: b}
	}
	return folder
}
