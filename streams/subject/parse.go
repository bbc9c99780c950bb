package subject

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/billhook/billhook/shared/delivery"
)

// Routed is what a subject of EVENTS says about its message.
type Routed struct {
	Part  int
	Owner string
	Type  string
}

// Arrived is what a stored subject of INBOX says about its message.
type Arrived struct {
	Routed
	// Internal is true for what Billhook itself published.
	Internal bool
}

// ParseInbox reads a stored subject of INBOX:
// inbox.<part>.<origin>.<owner>.<type…>.
func ParseInbox(s string) (Arrived, error) {
	t := strings.SplitN(s, ".", 5)
	if len(t) != 5 || t[0] != inbox || t[2] != platform && t[2] != internal {
		return Arrived{}, malformed(s, inbox)
	}
	p, ok := number(t[1])
	if !ok || t[3] == "" || t[4] == "" {
		return Arrived{}, malformed(s, inbox)
	}
	return Arrived{Routed{Part: p, Owner: t[3], Type: t[4]}, t[2] == internal}, nil
}

// ParseEvent reads a subject of EVENTS: events.<part>.<owner>.<type…>.
func ParseEvent(s string) (Routed, error) {
	t := strings.SplitN(s, ".", 4)
	if len(t) != 4 || t[0] != events {
		return Routed{}, malformed(s, events)
	}
	p, ok := number(t[1])
	if !ok || t[2] == "" || t[3] == "" {
		return Routed{}, malformed(s, events)
	}
	return Routed{Part: p, Owner: t[2], Type: t[3]}, nil
}

// Owner returns the owner of a subject of INBOX or EVENTS; "" for any other.
func Owner(s string) string {
	if strings.HasPrefix(s, inbox+".") {
		a, _ := ParseInbox(s)
		return a.Owner
	}
	e, _ := ParseEvent(s)
	return e.Owner
}

// Addressed is what a subject of DELIVERIES or a due retry says about its
// message.
type Addressed struct {
	Channel      delivery.Channel
	Part         int
	Owner        string
	Subscription string
}

// ParseDelivery reads a subject of DELIVERIES.
func ParseDelivery(s string) (Addressed, error) { return parseAddressed(s, deliveries) }

// ParseRetryDue reads the subject of a due retry.
func ParseRetryDue(s string) (Addressed, error) { return parseAddressed(s, join(retries, "due")) }

func parseAddressed(s, first string) (Addressed, error) {
	rest, ok := strings.CutPrefix(s, first+".")
	t := strings.Split(rest, ".")
	if !ok || len(t) != 4 {
		return Addressed{}, malformed(s, first)
	}
	p, ok := number(t[1])
	if !ok || t[2] == "" || t[3] == "" {
		return Addressed{}, malformed(s, first)
	}
	return Addressed{Channel: delivery.Channel(t[0]), Part: p, Owner: t[2], Subscription: t[3]}, nil
}

// ParseParked reads the channel off a subject of PARKED.
func ParseParked(s string) (delivery.Channel, error) {
	t := strings.Split(s, ".")
	if len(t) != 4 || t[0] != parked || t[1] == "" {
		return "", malformed(s, parked)
	}
	return delivery.Channel(t[1]), nil
}

// ParseSchedule reads a subject of SCHEDULES.
func ParseSchedule(s string) (p int, unix int64, err error) {
	t := strings.Split(s, ".")
	if len(t) != 4 || t[0] != schedules {
		return 0, 0, malformed(s, schedules)
	}
	p, ok := number(t[2])
	unix, err = strconv.ParseInt(t[3], 10, 64)
	if !ok || err != nil || strconv.FormatInt(unix, 10) != t[3] {
		return 0, 0, malformed(s, schedules)
	}
	return p, unix, nil
}

// number reads a partition in the only form that building gives it.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && part(n) == s
}

func malformed(s, first string) error {
	return fmt.Errorf("parse subject %q: not of the form %s.…", s, first)
}
