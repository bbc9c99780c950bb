package chaos_test

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// evidence is what a run left behind, to be judged.
type evidence struct {
	// published counts the events that were acknowledged to the platform;
	// credits and invoices are those of them that lead to a mail and to a plan.
	published, credits, invoices int
	events                       []logged
	// deliveries are "subscription event", as often as created.
	deliveries []string
	// hooks and mails are the arrivals by webhook id and by Message-ID, of is
	// the event of a webhook id, and bad what arrived wrongly.
	hooks, mails map[string]int
	of           map[string]string
	bad          []string
	// hookKills and mailKills are the kills of the senders; inFlight is the
	// greatest number of requests under way at one of them.
	hookKills, mailKills, inFlight int
	// queues are what was read, by queue.
	queues map[string]*reading
}

// logged is an event as it stands in EVENTS. Invoice is set for the events
// that the scheduler fired.
type logged struct{ id, account, invoice string }

// connections is the mailer's default per SMTP settings.
const connections = 4

// judges are the promises, each with who holds the evidence to it.
func judges() map[string]func(*evidence) error {
	return map[string]func(*evidence) error{
		"every event is in EVENTS once, in its account's order": judgeEvents,
		"every delivery is created once":                        judgeDeliveries,
		"every webhook arrived":                                 judgeHooks,
		"every mail arrived":                                    judgeMails,
		"every plan fired once":                                 judgePlans,
		"repeats are at most what was under way":                judgeRepeats,
		"every event of a queue is done with once":              ofQueues(judgeDone),
		"a queue in order keeps it":                             ofQueues(judgeLine),
		"a queue repeats what was not settled":                  ofQueues(judgeAgain),
	}
}

func missing(what string, want, got int) error {
	if want == got {
		return nil
	}
	return fmt.Errorf("%d %s, want %d", got, what, want)
}

// judgeEvents wants every id once, and each account's events in the order in
// which they were acknowledged.
func judgeEvents(e *evidence) error {
	seen, last := map[string]bool{}, map[string]int{}
	n := 0
	for _, ev := range e.events {
		if seen[ev.id] {
			return fmt.Errorf("event %s stands twice", ev.id)
		}
		seen[ev.id] = true
		if ev.invoice != "" {
			continue // the scheduler's own
		}
		n++
		_, number, _ := strings.Cut(ev.id, "_")
		i, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		if before, ok := last[ev.account]; ok && i <= before {
			return fmt.Errorf("event %s of %s comes after %d", ev.id, ev.account, before)
		}
		last[ev.account] = i
	}
	return missing("events", e.published, n)
}

// judgeDeliveries wants one per event that somebody wants: the published ones
// but for the invoices, and the fired ones.
func judgeDeliveries(e *evidence) error {
	seen := map[string]bool{}
	for _, key := range e.deliveries {
		if seen[key] {
			return fmt.Errorf("delivery %s stands twice", key)
		}
		seen[key] = true
	}
	return missing("deliveries", e.published, len(seen))
}

func judgeHooks(e *evidence) error {
	if len(e.bad) > 0 {
		return fmt.Errorf("arrived wrongly: %v", e.bad)
	}
	events := map[string]bool{}
	for id, ev := range e.of {
		if events[ev] {
			return fmt.Errorf("event %s arrived under two webhook ids, one is %s", ev, id)
		}
		events[ev] = true
	}
	return missing("webhooks", e.published-e.credits, len(events))
}

func judgeMails(e *evidence) error { return missing("mails", e.credits, len(e.mails)) }

// judgePlans wants one scheduled event per delivered invoice.
func judgePlans(e *evidence) error {
	fired := map[string]int{}
	for _, ev := range e.events {
		if ev.invoice != "" {
			fired[ev.invoice]++
		}
	}
	var err error
	for invoice, n := range fired {
		if n != 1 {
			err = errors.Join(err, fmt.Errorf("invoice %s fired %d times", invoice, n))
		}
	}
	return errors.Join(err, missing("plans", e.invoices, len(fired)))
}

// judgeRepeats bounds what receivers saw again by what can have been under way
// when a sender died.
func judgeRepeats(e *evidence) error {
	if n, limit := repeats(e.hooks), e.hookKills*e.inFlight; n > limit {
		return fmt.Errorf("%d webhooks repeated, more than %d", n, limit)
	}
	if n, limit := repeats(e.mails), e.mailKills*connections; n > limit {
		return fmt.Errorf("%d mails repeated, more than %d", n, limit)
	}
	return nil
}

func repeats(arrivals map[string]int) int {
	sum := 0
	for n := range maps.Values(arrivals) {
		sum += n - 1
	}
	return sum
}
