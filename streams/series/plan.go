package series

import (
	"github.com/billhook/billhook/shared/event"
)

// Head says what happens when the first unfinished delivery of a lane fails.
type Head string

// The head policies, by the names that configuration gives them.
const (
	// Block: it is tried again for ever, and its lane waits.
	Block Head = "block"
	// Park: it is kept in PARKED once its schedule is used up, and its lane
	// goes on.
	Park Head = "park"
	// Pause: once its schedule is used up, the whole subscription stops until
	// it is resumed, and begins with it.
	Pause Head = "pause"
)

// Plan is what the configuration says about a subscription.
type Plan struct {
	// Filters are the subjects of EVENTS to read. They do not overlap.
	Filters []string
	// Match says whether the event of that sequence belongs to the
	// subscription, and which of its revisions says so. It looks at the
	// revision that was in force at the sequence, so that the same event is
	// judged alike whenever it is read. It must not change the event.
	Match func(e *event.Event, seq uint64) (revision int, ok bool)
	// ByAccount makes a lane of every account; else there is one lane.
	ByAccount bool
	// Head is the policy for a failing head; empty means [Block].
	Head Head
	// Start is the sequence behind which a series begins that has no position
	// yet; 0 means the beginning.
	Start uint64
	// Part is the owner's partition.
	Part int
}

// lane is the name of the lane that an account's events belong to.
func (p *Plan) lane(account string) string {
	if p.ByAccount {
		return account
	}
	return ""
}

func (p *Plan) head() Head {
	if p.Head == "" {
		return Block
	}
	return p.Head
}
