// Package control is what operators ask of an in-order subscription while it
// runs: to pause, to go on, to give up the delivery that holds it up, to
// deliver again. It is a wish with a number; whoever delivers the subscription
// applies each number once and remembers it in its position. It refuses to
// apply anything, and to store; see store.
package control

import (
	"slices"
	"strconv"
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
)

// MaxSkips is how many skips may wait to be applied.
const MaxSkips = 100

// Place says whose subscription is meant.
type Place struct {
	Owner        string
	Subscription string
}

// Control is all that is asked of one subscription. It belongs to the
// subscription's id and outlives its deletion, as the position does: numbers
// only grow, and a subscription made again under the id goes on where the
// former one stood, also paused.
type Control struct {
	// Number is that of the newest change, from 1.
	Number uint64 `json:"number"`
	// Paused says that nothing new is begun.
	Paused bool `json:"paused,omitempty"`
	// Replay is the newest one that was asked for; it takes the place of an
	// earlier one that was not applied yet.
	Replay Replay `json:"replay,omitzero"`
	// Skips are those that may still have to be applied, oldest first.
	Skips []Skip `json:"skips,omitempty"`
}

// Replay asks for everything from an event on to be delivered again.
type Replay struct {
	Number uint64 `json:"number"`
	// From is the first sequence in EVENTS that is delivered again.
	From uint64 `json:"from"`
}

// Skip asks to give up one delivery that failed and that others wait for: by
// its id, by its account, or, with neither, that of the only line.
type Skip struct {
	Number   uint64 `json:"number"`
	Delivery string `json:"delivery,omitempty"`
	Account  string `json:"account,omitempty"`
}

// Pause asks for nothing new to be begun. It changes nothing where that is
// asked already.
func (c *Control) Pause() {
	if !c.Paused {
		c.Number++
		c.Paused = true
	}
}

// Resume asks to go on, also where the subscription stopped by itself because
// of its head policy. So it counts as a change whether Pause was asked or not.
func (c *Control) Resume() {
	c.Number++
	c.Paused = false
}

// Rewind asks for everything from a sequence on to be delivered again. Last is
// the newest sequence there is.
func (c *Control) Rewind(from, last uint64) error {
	if from > last {
		return fault.Problems{{Pointer: "/from", Rule: "replay.future", Detail: "no event was accepted there yet"}}
	}
	c.Number++
	c.Replay = Replay{Number: c.Number, From: from}
	return nil
}

// Skip asks for one delivery to be given up. Order is the subscription's,
// which says whether it has a line for every account.
func (c *Control) Skip(k Skip, order subscription.Order) error {
	var r field.Report
	byAccount := order == subscription.OrderedByAccount
	switch {
	case k.Delivery != "" && k.Account != "":
		r.Add("/delivery", "skip.both", "name the delivery or the account, not both")
	case k.Delivery != "":
		r.ID("/delivery", k.Delivery)
	case k.Account != "" && !byAccount:
		r.Add("/account", "skip.account", "this subscription has one line for all accounts: leave the account out")
	case k.Account == "" && byAccount:
		r.Add("/account", "skip.account", "this subscription has a line for every account: name the account or the delivery")
	case k.Account != "":
		r.ID("/account", k.Account)
	}
	if len(c.Skips) >= MaxSkips {
		r.Add("", "skip.many", "100 skips wait to be applied; try again when they are")
	}
	if err := r.Problems().Or(); err != nil {
		return err
	}
	c.Number++
	k.Number = c.Number
	c.Skips = append(c.Skips, k)
	return nil
}

// shown is how many lines an error names.
const shown = 5

// NotHeldUp says that no failed delivery holds up a line, and which lines are
// held up instead, each with its delivery.
func NotHeldUp(line string, others []string) error {
	p := fault.Problem{Rule: "skip.nothing", Detail: "no failed delivery holds it up"}
	if line != "" {
		p.Pointer = "/account"
	}
	slices.Sort(others)
	if n := len(others); n > 0 {
		p.Detail += "; held up are " + strings.Join(others[:min(n, shown)], ", ")
		if n > shown {
			p.Detail += " and " + strconv.Itoa(n-shown) + " more"
		}
	}
	return fault.Problems{p}
}

// Forget drops the skips that were applied: those up to a number.
func (c *Control) Forget(applied uint64) {
	c.Skips = slices.DeleteFunc(c.Skips, func(k Skip) bool { return k.Number <= applied })
}

// Clone returns a copy that shares nothing with c.
func (c *Control) Clone() *Control {
	out := *c
	out.Skips = slices.Clone(c.Skips)
	return &out
}
