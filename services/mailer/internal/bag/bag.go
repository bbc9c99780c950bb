// Package bag is the frozen state of an email delivery between attempts: the
// letters as they were first rendered, and for each the recipients that still
// wait and when it is tried again. It is pure: an attempt's replies go in, the
// record per recipient comes out.
//
//	waiting ─▶ delivered          the server took it
//	   ▲ │
//	   ├─┴──▶ lost                the server refused it for good
//	   └───────┘                  somebody asks for a resend
package bag

import (
	"slices"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/delivery"
)

// Bag is what is left to do of one delivery.
type Bag struct {
	// At is the moment of the first rendering.
	At time.Time `json:"at"`
	// SMTP is the id of the settings that the letters were rendered for: their
	// sender is that of these settings.
	SMTP string `json:"smtp"`
	// Email and Revision name the canned email that was used.
	Email    string `json:"email"`
	Revision int    `json:"revision"`
	// Of is how many letters there were at first.
	Of int `json:"of"`
	// Missing are the contact types that the account had no address for.
	Missing []string `json:"missing,omitempty"`
	// Document is what the letters carry; nil for nothing.
	Document *Document `json:"document,omitempty"`
	// Arrived is true once a server took a letter for anybody.
	Arrived bool `json:"arrived,omitempty"`
	// Letters are those that somebody still waits for, or that somebody was
	// refused.
	Letters []Letter `json:"letters"`
}

// Document names a file that letters carry. It is read again for every
// attempt: files do not fit into a retry.
type Document struct {
	// Key is where it is found.
	Key string `json:"key"`
	// Name is the file's name for the reader.
	Name string `json:"name"`
	// Digest is that of the bytes that were sent first; empty before.
	Digest string `json:"digest,omitempty"`
	// Awaited is true where it is waited for, Needed where nothing is sent
	// without it.
	Awaited bool `json:"awaited,omitempty"`
	Needed  bool `json:"needed,omitempty"`
}

// Letter is one frozen letter to some recipients. Each has a schedule of its
// own.
type Letter struct {
	// Number counts the letters of the delivery from 1.
	Number int `json:"number"`
	// Content is the letter as it was rendered; its bytes follow from it.
	Content letter.Letter `json:"content"`
	// Waiting are the recipients that did not get it yet, Lost those that it
	// was refused for, for good.
	Waiting []string `json:"waiting,omitempty"`
	Lost    []string `json:"lost,omitempty"`
	// Burnt counts the attempts that count, Due is when the next one is; zero
	// before the first.
	Burnt int       `json:"burnt,omitempty"`
	Due   time.Time `json:"due,omitzero"`
}

// Add puts a letter in for the recipients of its envelope, so many in each
// transaction; 0 means all in one. The copies for several transactions are one
// letter, under one number.
func (b *Bag) Add(content letter.Letter, recipients []string, each int) {
	b.Of++
	if each <= 0 {
		each = len(recipients)
	}
	for part := range slices.Chunk(recipients, each) {
		b.Letters = append(b.Letters, Letter{Number: b.Of, Content: content, Waiting: part})
	}
}

// Next returns the letter whose turn it is: the one that is due longest among
// those that somebody waits for. It is nil when nobody waits.
func (b *Bag) Next() *Letter {
	var next *Letter
	for i := range b.Letters {
		l := &b.Letters[i]
		if len(l.Waiting) > 0 && (next == nil || l.Due.Before(next.Due)) {
			next = l
		}
	}
	return next
}

// Waiting reports whether anybody still waits.
func (b *Bag) Waiting() bool { return b.Next() != nil }

// Spare takes out those who wait for letters that may be unsubscribed from and
// are not wanted by them. It returns the record of each, and stops at an error.
func (b *Bag) Spare(unwanted func(address string) (bool, error)) (spared []delivery.Recipient, err error) {
	for l := b.Next(); l != nil && l.Content.Unsubscribe != ""; l = b.Next() {
		address := l.Waiting[0] // the only one
		not, err := unwanted(address)
		if err != nil {
			return nil, err
		}
		if !not {
			break
		}
		l.Waiting = nil
		spared = append(spared, delivery.Recipient{Address: address, Result: delivery.Skipped, Detail: Suppressed})
	}
	return spared, nil
}

// Suppressed is the detail of a recipient who has unsubscribed.
const Suppressed = "suppressed"

// Lost lists everybody who was refused for good.
func (b *Bag) Lost() []string {
	var out []string
	for i := range b.Letters {
		out = append(out, b.Letters[i].Lost...)
	}
	return out
}

// GiveUp makes everybody who waits lost.
func (b *Bag) GiveUp() {
	for i := range b.Letters {
		b.Letters[i].GiveUp()
	}
}

// GiveUp makes everybody who waits for the letter lost.
func (l *Letter) GiveUp() { l.Lost, l.Waiting = append(l.Lost, l.Waiting...), nil }

// Revive has everybody who was refused wait again, from the beginning of the
// schedule: somebody asks for the delivery anew.
func (b *Bag) Revive() {
	for i := range b.Letters {
		l := &b.Letters[i]
		l.Waiting, l.Lost, l.Burnt, l.Due = append(l.Waiting, l.Lost...), nil, 0, time.Time{}
	}
}

// Tidy removes the letters that nobody needs any more.
func (b *Bag) Tidy() {
	b.Letters = slices.DeleteFunc(b.Letters, func(l Letter) bool { return len(l.Waiting)+len(l.Lost) == 0 })
}

// Apply takes in what a transaction for those who wait gave, and returns the
// record of each of them. failure is nil when the letter was taken for
// everybody whose reply says so.
func (l *Letter) Apply(replies []smtp.Reply, failure *smtp.Failure) []delivery.Recipient {
	given := make(map[string]smtp.Reply, len(replies))
	for _, r := range replies {
		given[r.Address] = r
	}
	var waiting []string
	records := make([]delivery.Recipient, 0, len(l.Waiting))
	for _, address := range l.Waiting {
		r, answered := given[address]
		record := judge(r, answered, failure)
		record.Address = address
		records = append(records, record)
		switch record.Result {
		case delivery.Retrying:
			waiting = append(waiting, address)
		case delivery.Parked:
			l.Lost = append(l.Lost, address)
		}
	}
	l.Waiting = waiting
	return records
}

// tooMany is 552 at RCPT, which RFC 5321 (4.5.3.1.10) has old servers say for
// too many recipients: the rest may be taken in another transaction.
const tooMany = 552

// judge says what became of one recipient. A refusal of its own comes before
// what became of the letter.
func judge(r smtp.Reply, answered bool, failure *smtp.Failure) delivery.Recipient {
	record := delivery.Recipient{Result: delivery.Retrying, Status: r.Code, Detail: r.Text}
	switch {
	case answered && r.Code >= 500 && r.Code != tooMany:
		record.Result = delivery.Parked
	case answered && !r.Taken():
	case failure == nil && answered:
		record.Result = delivery.Delivered
	case failure == nil:
		record.Detail = "the server was not asked"
	default:
		record.Status, record.Detail = failure.Code, failure.Error()
		if failure.Class == smtp.Permanent {
			record.Result = delivery.Parked
		}
	}
	return record
}
