package intake

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/tokens"
)

// Types of the events that are taken in by name.
const (
	delivered        = "invoice.delivery"
	posted           = "invoice.posted"
	overdue          = "invoice.overdue"
	voided           = "invoice.voided"
	deleted          = "invoice.deleted"
	accountCancelled = "account.cancellation"
	accountDeleted   = "account.deleted"
	used             = "usage.seen"
	dormant          = "sim.dormant"
	serviceState     = "service.state_transition"
	serviceDeleted   = "service.deleted"
	packageCancelled = "package.cancellation"
	packageDeleted   = "package.deleted"
)

// ofServices are the types of the events that only the watch of services takes
// in.
var ofServices = map[string]bool{
	used: true, dormant: true, serviceState: true, serviceDeleted: true, packageCancelled: true, packageDeleted: true,
}

// cancelledStates are the states of services that are not watched any more.
var cancelledStates = []string{"cancelled", "canceled"}

// The tokens of what an invoice's status and balance are kept current by in
// events of a payment that settles it.
const (
	paymentInvoice = "Payment.InvoiceId"
	paymentStatus  = "Payment.InvoiceStatus"
	paymentBalance = "Payment.InvoiceBalanceDue"
)

// Types returns the types of the events that are taken in: those that may say
// something of an invoice, those about services, and those that end an account.
func Types(c *tokens.Catalogue) []string {
	out := append([]string{accountCancelled, accountDeleted}, slices.Sorted(maps.Keys(ofServices))...)
	for _, e := range c.Events() {
		if e.Type == matter.AfterDelivery.EventType() {
			continue
		}
		for _, t := range c.Carried(e.Type) {
			if t.Name == matter.Status || t.Name == paymentInvoice {
				out = append(out, e.Type)
				break
			}
		}
	}
	return out
}

// taken is an event as it was read.
type taken struct {
	*event.Event
	seq  uint64
	part int
}

// decode reads an event.
func decode(m *cursor.Message) (taken, error) {
	routed, err := subject.ParseEvent(m.Subject)
	if err != nil {
		return taken{}, err
	}
	e, err := event.Decode(m.Data)
	return taken{Event: e, seq: m.Seq, part: routed.Part}, err
}

// ofMany reports whether the event is about all of an account or a package.
func (t taken) ofMany() bool {
	switch t.Type {
	case accountCancelled, accountDeleted, packageCancelled, packageDeleted:
		return true
	}
	return false
}

// concerns reports whether such an event is about a matter of its account.
func (t taken) concerns(i *matter.Matter) bool {
	if t.Type == accountCancelled || t.Type == accountDeleted {
		return true
	}
	id := t.Data.Text("AccountPackage.Id")
	return id != "" && i.Usage != nil && i.Usage.Package == id
}

// ofService reports whether the event is about one service.
func (t taken) ofService() bool { return ofServices[t.Type] && !t.ofMany() }

// cancelled reports whether the event says that a service is cancelled.
func (t taken) cancelled() bool {
	return t.Type == serviceState && slices.Contains(cancelledStates, strings.ToLower(t.Data.Text("AccountService.CurrentStatus")))
}

// invoice returns what tells the invoice that the event is about from the
// owner's others; empty where it is about none.
func (t taken) invoice() string {
	return cmp.Or(t.Data.Text("Invoice.Id"), t.Data.Text("Invoice.Number"), t.Data.Text(paymentInvoice))
}

// service is the same for a service of the account.
func (t taken) service() string {
	return cmp.Or(t.Data.Text("AccountService.Id"), t.Data.Text("AccountService.UsageIdentifier"))
}

func (t taken) key() string { return matter.Key(t.Owner, t.Account, t.invoice()) }

func (t taken) serviceKey() string { return matter.ServiceKey(t.Owner, t.Account, t.service()) }

// news returns what the event says of its invoice, with these values.
func (t taken) news(values event.Values) matter.News {
	return matter.News{
		Seq: t.seq, Part: t.part, Owner: t.Owner, Account: t.Account, Name: t.invoice(), Event: t.ID, Type: t.Type,
		At: t.Time, Values: values,
	}
}

// serviceNews returns what it says of its service.
func (t taken) serviceNews(values event.Values) matter.News {
	n := t.news(values)
	n.Name = t.service()
	return n
}

// deliveredAt returns when the invoice was delivered: as the platform says,
// else when the event happened.
func (t taken) deliveredAt() time.Time {
	at, err := time.Parse(time.RFC3339, t.Data.Text("Invoice.DeliveryDate"))
	if err != nil {
		return t.Time
	}
	return at
}

// told returns what is kept current as the event tells it.
func (t taken) told() event.Values {
	out := event.Values{}
	for from, to := range map[string]string{
		matter.Status: matter.Status, matter.Balance: matter.Balance, matter.DueDate: matter.DueDate,
		paymentStatus: matter.Status, paymentBalance: matter.Balance,
	} {
		if v, ok := t.Data[from]; ok {
			out[to] = v
		}
	}
	return out
}
