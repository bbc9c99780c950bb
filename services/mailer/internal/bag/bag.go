// Package bag is the frozen state of an email delivery between attempts: the
// letters as they were first rendered, and for each the recipients that still
// wait. It is pure: an attempt's replies go in, the record per recipient comes
// out.
//
//	waiting ─▶ delivered          the server took it
//	   ▲ │
//	   └─┴──▶ lost                the server refused it for good
package bag

import (
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
	// Burnt counts the attempts that count.
	Burnt int `json:"burnt"`
	// Missing are the contact types that the account had no address for.
	Missing []string `json:"missing,omitempty"`
	// Letters are those that somebody still waits for, or that somebody was
	// refused.
	Letters []Letter `json:"letters"`
}

// Letter is one frozen letter.
type Letter struct {
	From    string `json:"from"`
	Message []byte `json:"message"`
	// Waiting are the recipients that did not get it yet, Lost those that it
	// was refused for, for good.
	Waiting []string `json:"waiting,omitempty"`
	Lost    []string `json:"lost,omitempty"`
}

// Add puts a letter in for all its recipients.
func (b *Bag) Add(e letter.Envelope) {
	b.Letters = append(b.Letters, Letter{From: e.From, Message: e.Message, Waiting: e.Recipients})
}

// Waiting reports whether anybody still waits.
func (b *Bag) Waiting() bool {
	for i := range b.Letters {
		if len(b.Letters[i].Waiting) > 0 {
			return true
		}
	}
	return false
}

// Lost reports whether anybody was refused for good.
func (b *Bag) Lost() bool {
	for i := range b.Letters {
		if len(b.Letters[i].Lost) > 0 {
			return true
		}
	}
	return false
}

// GiveUp makes everybody who waits lost.
func (b *Bag) GiveUp() {
	for i := range b.Letters {
		l := &b.Letters[i]
		l.Lost, l.Waiting = append(l.Lost, l.Waiting...), nil
	}
}

// Tidy removes the letters that nobody needs any more.
func (b *Bag) Tidy() {
	keep := b.Letters[:0]
	for _, l := range b.Letters {
		if len(l.Waiting)+len(l.Lost) > 0 {
			keep = append(keep, l)
		}
	}
	clear(b.Letters[len(keep):])
	b.Letters = keep
}

// Envelope is what is to be sent now.
func (l *Letter) Envelope() letter.Envelope {
	return letter.Envelope{From: l.From, Recipients: l.Waiting, Message: l.Message}
}

// Apply takes in what a transaction with the letter's [Letter.Envelope] gave,
// and returns the record of each of its recipients. failure is nil when the
// letter was taken for everybody whose reply says so.
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
