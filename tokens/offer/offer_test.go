package offer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
	"github.com/billhook/billhook/tokens/offer"
)

func TestAChannelGetsWhatItMayUseByName(t *testing.T) {
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	e := &event.Event{Type: "invoice.posted", Data: event.Values{
		"Invoice.Total": event.Str("12.50"), "Invoice.Number": event.Str("I-1"), "Not.AToken": event.Str("x"),
	}}
	o := offer.New(c, delivery.Webhook)
	for range 2 { // asked, and remembered
		var names []string
		for _, m := range o.Members(e) {
			names = append(names, m.Name+"="+m.Value.Text())
		}
		if d := cmp.Diff([]string{"Invoice.Number=I-1", "Invoice.Total=12.50"}, names); d != "" {
			t.Error(d)
		}
	}
	if m := o.Members(&event.Event{Type: "no.such", Data: e.Data}); len(m) > 0 {
		t.Errorf("an unknown event offers %v", m)
	}
}
