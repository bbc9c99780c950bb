package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/wishes"
)

// Explain says, a line each, why an invoice, or a service, of an account has or
// has no plans.
func (d *Desk) Explain(ctx context.Context, q Query) ([]string, error) {
	if q.Service != "" {
		return d.explainService(ctx, q)
	}
	e, err := d.invoices.Get(ctx, matter.Key(q.Owner, q.Account, q.Invoice))
	if err != nil {
		return nil, err
	}
	i := e.Matter
	if i.Name == "" {
		return []string{
			fmt.Sprintf("no invoice.delivery of %s is remembered: it was not delivered, %s,", q.named("invoice", q.Invoice), q.elsewhere()),
			"or so long ago that it was forgotten (the owner's largest_x); invoices are named by Invoice.Id, else by Invoice.Number",
		}, nil
	}
	var lines []string
	if i.Delivered > 0 {
		lines = d.explainDelivery(i, q)
	} else {
		lines = []string{"known by invoice.posted or invoice.overdue, and not delivered: nothing is planned after a delivery"}
	}
	return append(lines, d.explainOverdue(i)...), nil
}

// named is an invoice or a service with the account that was asked for.
func (q *Query) named(what, name string) string {
	if q.Account == "" {
		return what + " " + name + " without an account"
	}
	return what + " " + name + " of account " + q.Account
}

// elsewhere says how it may be known and not have been found.
func (q *Query) elsewhere() string {
	if q.Account == "" {
		return "it belongs to an account, which is to be named"
	}
	return "it belongs to another account or to none"
}

func (d *Desk) explainDelivery(i *matter.Matter, q Query) []string {
	lines := []string{fmt.Sprintf("delivered %s by event %s", i.DeliveredAt.Format(time.RFC3339), i.Delivery)}
	if i.Ended != "" {
		lines = append(lines, "ended by "+i.Ended+": nothing is planned for it any more")
	}
	wanted := wishes.Of(d.deps.Snapshots.Owner(q.Owner))
	if len(wanted) == 0 {
		lines = append(lines, "no active subscription of the owner has a schedule")
	}
	explained := map[string]bool{}
	for _, rule := range slices.SortedFunc(maps.Keys(wanted), due.Rule.Compare) {
		id := matter.ID(i.Owner, i.Name, rule)
		explained[id] = true
		switch p := i.Plan(id); {
		case p != nil:
			lines = append(lines, explainPlan(i, p))
		case i.Ended == "" && i.Delivered <= wanted[rule]:
			lines = append(lines, fmt.Sprintf("%d days, %s: no plan: its moment had passed when the subscription began", rule.Days, rule.At))
		case i.Ended == "":
			lines = append(lines, fmt.Sprintf("%d days, %s: no plan yet: the scheduler has not taken the delivery or the subscription in", rule.Days, rule.At))
		}
	}
	for n := range i.Plans {
		if p := &i.Plans[n]; p.Kind == matter.AfterDelivery && !explained[p.ID] {
			lines = append(lines, explainPlan(i, p))
		}
	}
	return lines
}

// explainOverdue is about the derived event that the invoice is overdue.
func (d *Desk) explainOverdue(i *matter.Matter) []string {
	lines := explainKind(i, matter.Overdue)
	switch {
	case i.Told != "":
		lines = append(lines, "overdue: the platform sent its own event "+i.Told+": none is derived")
	case !d.derive(i.Owner).Overdue:
		lines = append(lines, "overdue: not derived: the owner has no derive.overdue")
	case len(lines) == 0 && i.Ended == "":
		lines = append(lines, "overdue: no plan: no due date or no balance above zero is known, the date had passed when it was turned on, or the scheduler has not taken it in")
	}
	return lines
}

func (d *Desk) explainService(ctx context.Context, q Query) ([]string, error) {
	e, err := d.invoices.Get(ctx, matter.ServiceKey(q.Owner, q.Account, q.Service))
	if err != nil {
		return nil, err
	}
	i := e.Matter
	var lines []string
	if d.derive(q.Owner).DormantAfterDays == 0 {
		lines = append(lines, "dormant: not derived: the owner has no derive.dormant_after_days")
	}
	if i.Usage == nil {
		return append(lines,
			fmt.Sprintf("no usage of %s is known since it is watched: there was none, %s,", q.named("service", q.Service), q.elsewhere()),
			"or it was forgotten (the owner's largest_x); services are named by AccountService.Id, else by AccountService.UsageIdentifier"), nil
	}
	if i.Ended != "" {
		lines = append(lines, "ended by "+i.Ended+": it is watched again when it is used")
	}
	if u := i.Usage; !u.Seen.IsZero() {
		lines = append(lines, "last day with usage known from "+u.Seen.Format(time.RFC3339))
	}
	if i.Usage.Through.IsZero() {
		lines = append(lines, "not watched until it is used again")
	}
	return append(lines, explainKind(i, matter.Dormant)...), nil
}

func (d *Desk) derive(id string) owner.Derive {
	if o := d.deps.Snapshots.Owner(id).Owner; o != nil {
		return o.Derive
	}
	return owner.Derive{}
}

func explainKind(i *matter.Matter, k matter.Kind) (lines []string) {
	for n := range i.Plans {
		if p := &i.Plans[n]; p.Kind == k {
			lines = append(lines, explainPlan(i, p))
		}
	}
	return lines
}

func explainPlan(i *matter.Matter, p *matter.Plan) string {
	name := fmt.Sprintf("%d days, %s", p.Days, p.Time)
	if p.Kind != matter.AfterDelivery {
		name = fmt.Sprintf("%s after %s", p.Kind, p.For)
	}
	line := fmt.Sprintf("%s: plan %s is %s", name, p.ID, p.State)
	if !p.DueAt.IsZero() {
		line += fmt.Sprintf(", due %s (%s)", p.DueAt.Format(time.RFC3339), p.Zone)
	}
	if p.Reason != "" {
		line += ": " + p.Reason
	}
	if note := planned(i, p).Note; note != "" {
		line += "; " + note
	}
	return line
}
