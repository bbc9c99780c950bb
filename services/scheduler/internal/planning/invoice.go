package planning

import (
	"cmp"
	"time"

	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/shared/event"
)

// InvoiceKeys returns the prefix of the keys of the plans for the invoice that
// an event names; false when it names none.
func InvoiceKeys(e *event.Event) (prefix string, ok bool) {
	invoice := invoiceOf(e)
	return plan.OfInvoice(e.Owner, e.Account, invoice), invoice != ""
}

// invoiceOf returns what tells an invoice from the owner's others.
func invoiceOf(e *event.Event) string {
	return cmp.Or(e.Data.Text("Invoice.Id"), e.Data.Text("Invoice.Number"))
}

// deliveredAt returns when the invoice was delivered: as the platform says,
// else when the event happened.
func deliveredAt(e *event.Event) time.Time {
	at, err := time.Parse(time.RFC3339, e.Data.Text("Invoice.DeliveryDate"))
	if err != nil {
		return e.Time
	}
	return at
}
