package intake

import (
	"context"
	"errors"
	"testing"

	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/streams/cursor"
)

// backlog gives messages, then fails.
type backlog struct {
	messages []cursor.Message
	err      error
}

func (b backlog) Read(_ context.Context, _ int, _ string, visit func(*cursor.Message) error) error {
	for n := range b.messages {
		if err := visit(&b.messages[n]); err != nil {
			return err
		}
	}
	return b.err
}

func accepted(eventType, data string) cursor.Message {
	return cursor.Message{
		Subject: "events.0.acme." + eventType,
		Data:    []byte(`{"id":"e","type":"` + eventType + `","owner":"acme","account":"a1","time":"2026-11-26T00:00:00Z","data":{` + data + `}}`),
	}
}

func TestWhatIsUnreadHoldsWhatItIsAbout(t *testing.T) {
	bill, sim := matter.Key("acme", "a1", "1"), matter.ServiceKey("acme", "a1", "1")
	payment, usage := accepted("payment.processed", `"Payment.InvoiceId":"1"`), accepted("usage.seen", `"AccountService.UsageIdentifier":"1"`)
	many := make([]cursor.Message, unreadMax+1)
	for n := range many {
		many[n] = accepted("usage.seen", `"AccountService.Id":"other"`)
	}
	for _, c := range []struct {
		name      string
		messages  []cursor.Message
		bill, sim bool
	}{
		{"nothing", nil, false, false},
		{"a payment", []cursor.Message{payment}, true, false},
		{"usage", []cursor.Message{{Subject: "no event"}, usage}, false, true},
		{"the end of an account", []cursor.Message{accepted("account.cancellation", "")}, true, true},
		{"the end of a package", []cursor.Message{accepted("package.cancellation", `"AccountPackage.Id":"p"`)}, true, true},
		{"as much as is looked at", many[1:], false, false},
		{"more", many, true, true},
	} {
		holds, err := NewUnread(backlog{messages: c.messages}).Of(t.Context(), 0, "acme")
		if err != nil {
			t.Fatal(err)
		}
		if holds(bill) != c.bill || holds(sim) != c.sim {
			t.Errorf("%s: holds the invoice: %v, the service: %v", c.name, holds(bill), holds(sim))
		}
	}
	broken := errors.New("broken")
	if _, err := NewUnread(backlog{err: broken}).Of(t.Context(), 0, "acme"); !errors.Is(err, broken) {
		t.Errorf("the failure is lost: %v", err)
	}
}
