// Package admission decides whether a message becomes an event. Every way into
// Billhook asks it, so that they cannot disagree. It refuses to move messages:
// it reads one and answers with an event or with a refusal.
package admission

import (
	"context"
	"time"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// Ahead is how far in the future an event may lie: a day, for clocks that are
// wrong and zones that were mistaken.
const Ahead = 24 * time.Hour

// slack is added for messages that were let in once already, so that what one
// clock let in another does not refuse.
const slack = time.Hour

// Rules says which types and tokens there are.
type Rules interface {
	// Type returns what is known of an event type. The problems of an unknown
	// one name its nearest neighbours.
	Type(name string) (Type, fault.Problems)
	// Check returns what is wrong with an event's data.
	Check(eventType string, data event.Values) fault.Problems
}

// Type is what admission must know of an event type.
type Type struct {
	// Reserved types are published by Billhook itself only.
	Reserved bool
	// AccountRequired is set where tokens of the account are legal.
	AccountRequired bool
	// Completed lists the tokens that the account's record can supply.
	Completed []string
}

// Accounts reads an owner's accounts.
type Accounts interface {
	// Get returns an account; an error of kind NotFound when there is none.
	Get(ctx context.Context, owner, id string) (*account.Account, error)
}

// Admission judges messages. It is safe for use by several goroutines.
type Admission struct {
	rules    Rules
	accounts Accounts
}

// New returns an admission by these rules.
func New(rules Rules, accounts Accounts) *Admission {
	return &Admission{rules: rules, accounts: accounts}
}

// Message is what is to be judged.
type Message struct {
	envelope.Input
	// At is when the message came in. Event times are judged by it, so a
	// message that is read again is judged the same again.
	At time.Time
	// Internal is set for what Billhook itself published: its own types are
	// legal there.
	Internal bool
}

// Check judges the message alone, without asking anyone.
func (a *Admission) Check(m Message) (envelope.Candidate, *Refusal) {
	m.Latest = m.At.Add(Ahead)
	if m.Internal {
		m.Latest = m.Latest.Add(slack)
	}
	c, problems := envelope.Parse(m.Input)
	if c.Type == "" {
		c.Type = m.Type
	}
	if c.Type == "" {
		return c, refuse(Malformed, problems)
	}
	t, unknown := a.rules.Type(c.Type)
	if unknown != nil {
		return c, refuse(UnknownType, unknown.At("/type"))
	}
	if t.Reserved && !m.Internal {
		return c, refuse(ReservedType, fault.Problems{{
			Pointer: "/type", Rule: RuleReserved, Detail: "events of this type are published by Billhook itself only",
		}})
	}
	if problems != nil {
		return c, refuse(Malformed, problems)
	}
	if t.AccountRequired && c.Account == "" {
		problems = append(problems, fault.Problem{
			Pointer: "/account", Rule: RuleAccount, Detail: "events of this type concern an account, which is missing",
		})
	}
	problems = append(problems, a.rules.Check(c.Type, c.Data).At("/data")...)
	return c, refuse(Malformed, problems)
}

// Complete makes the event of a candidate that passed [Admission.Check]. Tokens
// of the account that the candidate leaves out are taken from the account's
// record and are frozen by that. An account that has no record yet is no
// error: a platform may publish before its accounts are known here, and the
// tokens stay absent. Any other failure to read the record is an error, and
// the same candidate may be completed later.
func (a *Admission) Complete(ctx context.Context, owner string, c envelope.Candidate) (*event.Event, error) {
	e := &event.Event{ID: c.ID, Type: c.Type, Owner: owner, Account: c.Account, Time: c.Time, Data: c.Data}
	t, unknown := a.rules.Type(c.Type)
	if unknown != nil || c.Account == "" || !lacks(c.Data, t.Completed) {
		return e, nil
	}
	record, err := a.accounts.Get(ctx, owner, c.Account)
	if fault.KindOf(err) == fault.NotFound {
		return e, nil
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "complete event", c.ID, err)
	}
	values := record.Values()
	for _, token := range t.Completed {
		if _, given := e.Data[token]; given {
			continue
		}
		if v, known := values[token]; known {
			e.Data[token] = v
		}
	}
	return e, nil
}

func lacks(data event.Values, tokens []string) bool {
	for _, token := range tokens {
		if _, given := data[token]; !given {
			return true
		}
	}
	return false
}
