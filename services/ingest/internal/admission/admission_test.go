package admission_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

var now = time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)

// accounts stands for the bucket: what it has, or how it fails.
type accounts struct {
	have map[string]*account.Account
	err  error
}

func (a accounts) Get(_ context.Context, owner, id string) (*account.Account, error) {
	if a.err != nil {
		return nil, a.err
	}
	if found := a.have[owner+"."+id]; found != nil {
		return found, nil
	}
	return nil, fault.New(fault.NotFound, "read account", id, nil)
}

func judge(t *testing.T, a accounts) *admission.Admission {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return admission.New(rules.New(c), a)
}

func message(typ, body string) admission.Message {
	return admission.Message{Input: envelope.Input{Body: []byte(body), Type: typ}, At: now}
}

func TestReasonTellsWhatKindOfRuleIsBroken(t *testing.T) {
	a := judge(t, accounts{})
	good := `{"id":"a","time":"2026-11-23T14:05:00Z","account":"A"}`
	for _, row := range []struct {
		name, typ, body string
		internal        bool
		reason, pointer string
	}{
		{"unknown type", "invoice.postd", good, false, admission.UnknownType, "/type"},
		{"unknown type before bad form", "invoice.postd", `{`, false, admission.UnknownType, "/type"},
		{"operational type from outside", "endpoint.disabled", good, false, admission.ReservedType, "/type"},
		{"scheduled type from outside", "invoice.delivery_date_plus", good, false, admission.ReservedType, "/type"},
		{"scheduled type from inside", "invoice.delivery_date_plus", good, true, "", ""},
		{"signal", "usage.seen", good, false, "", ""},
		{"no type at all", "", good, false, admission.Malformed, "/type"},
		{"unknown token", "invoice.posted", `{"id":"a","time":"2026-11-23T14:05:00Z","account":"A","data":{"Invoice.Sum":"1"}}`, false, admission.Malformed, "/data/Invoice.Sum"},
		{"account missing", "invoice.posted", `{"id":"a","time":"2026-11-23T14:05:00Z"}`, false, admission.Malformed, "/account"},
		{"account not needed", "bill_run.started", `{"id":"a","time":"2026-11-23T14:05:00Z"}`, false, "", ""},
		{"a day ahead", "invoice.posted", `{"id":"a","time":"2026-11-24T14:05:00Z","account":"A"}`, false, "", ""},
		{"more than a day ahead", "invoice.posted", `{"id":"a","time":"2026-11-24T14:05:01Z","account":"A"}`, false, admission.Malformed, "/time"},
		{"let in by a clock that is ahead", "invoice.posted", `{"id":"a","time":"2026-11-24T14:05:01Z","account":"A"}`, true, "", ""},
	} {
		m := message(row.typ, row.body)
		m.Internal = row.internal
		_, refusal := a.Check(m)
		if row.reason == "" {
			if refusal != nil {
				t.Errorf("%s: refused: %v", row.name, refusal.Problems)
			}
			continue
		}
		if refusal == nil || refusal.Reason != row.reason || refusal.Problems[0].Pointer != row.pointer {
			t.Errorf("%s: got %+v, want %s at %s", row.name, refusal, row.reason, row.pointer)
		}
	}
}

func TestRefusalRepeatsLittleOfTheMessage(t *testing.T) {
	a := judge(t, accounts{})
	long := strings.Repeat("é~", 50_000)
	_, refusal := a.Check(message("invoice.posted", `{"id":"a","time":"2026-11-23T14:05:00Z","account":"A","data":{"`+long+`":1}}`))
	if refusal == nil {
		t.Fatal("taken")
	}
	for _, p := range refusal.Problems {
		if len(p.Pointer) > 256 || len(p.Detail) > 512 {
			t.Errorf("pointer of %d and detail of %d bytes", len(p.Pointer), len(p.Detail))
		}
	}
}

func TestAccountCompletesWhatTheEventLeavesOut(t *testing.T) {
	record := &account.Account{ID: "A", Name: "Northwind", Status: "Active", Currency: "EUR", BillDay: 15, Company: account.Company{City: "Paris"}}
	a := judge(t, accounts{have: map[string]*account.Account{"acme.A": record}})
	for _, row := range []struct {
		name, typ string
		given     event.Values
		want      event.Values
	}{
		{"nothing given", "invoice.posted", event.Values{}, event.Values{
			"Account.Id": event.Str("A"), "Account.Name": event.Str("Northwind"), "Account.CurrentStatus": event.Str("Active"),
			"Account.Currency": event.Str("EUR"), "Account.Bill Day": event.Int(15), "Account.Company.City": event.Str("Paris"),
		}},
		{"given values stay", "invoice.posted", event.Values{"Account.Name": event.Str("Old"), "Invoice.Total": event.Str("1")}, event.Values{
			"Account.Id": event.Str("A"), "Account.Name": event.Str("Old"), "Account.CurrentStatus": event.Str("Active"),
			"Account.Currency": event.Str("EUR"), "Account.Bill Day": event.Int(15), "Account.Company.City": event.Str("Paris"),
			"Invoice.Total": event.Str("1"),
		}},
		{"a status that moves is the event's", "account.status_change", event.Values{}, event.Values{
			"Account.Id": event.Str("A"), "Account.Name": event.Str("Northwind"),
			"Account.Currency": event.Str("EUR"), "Account.Bill Day": event.Int(15), "Account.Company.City": event.Str("Paris"),
		}},
	} {
		got, err := a.Complete(t.Context(), "acme", envelope.Candidate{ID: "e", Type: row.typ, Account: "A", Time: now, Data: row.given})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, got.Data, cmp.Comparer(func(a, b event.Value) bool { return a == b })); diff != "" {
			t.Errorf("%s:\n%s", row.name, diff)
		}
		if got.Owner != "acme" || got.Type != row.typ || got.ID != "e" || !got.Time.Equal(now) {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}

func TestUnknownAccountIsAcceptedWithoutItsTokens(t *testing.T) {
	got, err := judge(t, accounts{}).Complete(t.Context(), "acme", envelope.Candidate{Type: "invoice.posted", Account: "B", Data: event.Values{}})
	if err != nil || len(got.Data) != 0 || got.Account != "B" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAccountsOutOfReachAreNoVerdict(t *testing.T) {
	a := judge(t, accounts{err: fault.New(fault.Unavailable, "read account", "A", errors.New("no responders"))})
	c := envelope.Candidate{Type: "invoice.posted", Account: "A", Data: event.Values{}}
	if _, err := a.Complete(t.Context(), "acme", c); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	c = envelope.Candidate{Type: "bill_run.started", Data: event.Values{}}
	if _, err := a.Complete(t.Context(), "acme", c); err != nil {
		t.Errorf("asked for an account although there is none: %v", err)
	}
}

func TestEntryIsReadBackAsTheSameCandidate(t *testing.T) {
	a := judge(t, accounts{})
	c, refusal := a.Check(message("invoice.posted", `{"id":"a","time":"2026-11-23T15:05:00.5+01:00","account":"A","data":{"Invoice.Total":"12.50","Account.Bill Day":15,"Account.Name":"<b>\"\u2028\u0007"}}`))
	if refusal != nil {
		t.Fatal(refusal.Problems)
	}
	e := admission.Encode(c)
	again, refusal := a.Check(message(e.Type, string(e.Body)))
	if refusal != nil {
		t.Fatal(refusal.Problems)
	}
	if diff := cmp.Diff(c, again, cmp.Comparer(func(a, b event.Value) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkCheckAndComplete(b *testing.B) {
	c, err := tokens.Load()
	if err != nil {
		b.Fatal(err)
	}
	a := admission.New(rules.New(c), accounts{})
	example := c.Example("invoice.posted")
	e := admission.Encode(envelope.Candidate{ID: "evt_1", Type: example.Type, Account: "A", Time: now, Data: example.Data})
	m := message(e.Type, string(e.Body))
	b.SetBytes(int64(len(e.Body)))
	b.ReportAllocs()
	for b.Loop() {
		got, refusal := a.Check(m)
		if refusal != nil {
			b.Fatal(refusal.Problems)
		}
		done, err := a.Complete(b.Context(), "acme", got)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := done.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}
