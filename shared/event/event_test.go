package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

func sample() *event.Event {
	return &event.Event{
		ID: "evt_1", Type: "invoice.posted", Owner: "acme", Account: "a1",
		Time: time.Date(2026, 11, 23, 14, 5, 0, 123456789, time.UTC),
		Data: event.Values{
			"Invoice.Total": event.Str("12.50"), "Commit.Tier": event.Int(2),
			"Account.Active": event.Boolean(true), "Owner Name": event.Str("Acme"),
		},
	}
}

func TestTheStoredFormIsStable(t *testing.T) {
	b, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"evt_1","type":"invoice.posted","owner":"acme","account":"a1","time":"2026-11-23T14:05:00.123456789Z",` +
		`"data":{"Account.Active":true,"Commit.Tier":2,"Invoice.Total":"12.50","Owner Name":"Acme"}}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
}

func TestAnEventIsReadAsItWasStored(t *testing.T) {
	e := sample()
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := event.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	sameValue := cmp.Comparer(func(a, b event.Value) bool { return a == b })
	if diff := cmp.Diff(e, again, sameValue); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoEventIsInvalid(t *testing.T) {
	for _, doc := range []string{``, `[]`, `{"data":{"A":[1]}}`, `{"time":"yesterday"}`, `{`} {
		if e, err := event.Decode([]byte(doc)); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v, %v", doc, e, err)
		}
	}
}
