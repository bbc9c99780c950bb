package attempt

import (
	"strings"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/bag"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/notice"
)

// The reasons of outcomes beside those of package verdict.
const (
	// LettersLeft: the letter arrived, and the delivery has others.
	LettersLeft = "letters_left"
	// NoDocument: the document that belongs to the letter is not there.
	NoDocument = "document_missing"
	// NoLink: the operator has not said where links to unsubscribe lead.
	NoLink = "unsubscribe_url"
)

// sent is a letter with the failure of its transaction, nil for none. The
// letter is nil where the delivery has none yet.
type sent struct {
	letter  *bag.Letter
	failure *smtp.Failure
}

// Fail ends an attempt by a fault of the SMTP settings, which burns no attempt
// that counts.
func (m *Maker) Fail(t *Task, settings string, err error) Made {
	o := m.outcome(t)
	o.Target = settings
	s := sent{failure: &smtp.Failure{Class: smtp.Settings, Stage: "settings", Err: err}}
	if t.Bag != nil {
		s.letter = t.Bag.Next()
	}
	return m.judge(t, o, s)
}

// judge completes the outcome of an attempt: first what becomes of the letter,
// then of the delivery.
func (m *Maker) judge(t *Task, o *delivery.Outcome, s sent) Made {
	ended := m.Now()
	o.Duration = ended.Sub(o.At)
	if t.First.IsZero() {
		t.First = o.At
	}
	a := verdict.Attempt{First: t.First, Ended: ended, Failure: s.failure, Forever: t.Forever, Waiting: true}
	if l := s.letter; l != nil {
		a.Burnt, a.Waiting, a.Lost = l.Burnt, len(l.Waiting) > 0, len(l.Lost) > 0
	}
	v := m.Policy.Judge(a)
	o.Result, o.Reason, o.NextAt = v.Result, v.Reason, v.NextAt
	o.Status = status(o, s.failure)
	atFault := s.failure != nil && s.failure.Class == smtp.Settings
	if l := s.letter; l != nil {
		l.Burnt, l.Due = v.Burnt, v.NextAt
		if v.Result == delivery.Parked {
			giveUp(t, o, l, atFault)
		}
		if !atFault {
			sum(t, o)
		}
	}
	o.Detail = brief(detail(t, o, s.failure))
	if atFault && o.Target != "" {
		m.Notices.Raise(notice.Notice{
			Kind: notice.SMTPSettingsPaused, Owner: o.Delivery.Owner, Thing: o.Target, Reason: o.Reason, Cause: o.Delivery.EventType,
		})
	}
	return Made{Outcome: o, Hopeless: o.Result == delivery.Parked && !atFault}
}

// hindrance is why nothing can be sent for now: it is tried again after pace,
// unless it is over with the patience.
type hindrance struct {
	reason string
	cause  error
	pace   time.Duration
	over   bool
}

// hinder has a delivery wait, which takes no attempt that counts, or parks it.
func (m *Maker) hinder(t *Task, o *delivery.Outcome, h hindrance) Made {
	if h.over && !t.Forever {
		made := m.End(t, Ending{Result: delivery.Parked, Reason: h.reason, Detail: h.cause.Error()})
		made.Outcome.Target = o.Target
		return made
	}
	if t.First.IsZero() {
		t.First = o.At
	}
	o.Result, o.Reason, o.Detail = delivery.Retrying, h.reason, brief(h.cause.Error())
	o.NextAt = verdict.WholeSecond(m.Now().Add(h.pace))
	return Made{Outcome: o}
}

// giveUp makes those who wait for the letter lost, in the bag and in the
// records; because of settings at fault, those who wait for any.
func giveUp(t *Task, o *delivery.Outcome, l *bag.Letter, all bool) {
	if all {
		t.Bag.GiveUp()
	}
	l.GiveUp()
	for i := range o.Recipients {
		if o.Recipients[i].Result == delivery.Retrying {
			o.Recipients[i].Result = delivery.Parked
		}
	}
}

// sum makes the outcome that of the delivery: it goes on while anybody waits
// for any letter, and is parked at its end when anybody was refused.
func sum(t *Task, o *delivery.Outcome) {
	next := t.Bag.Next()
	switch {
	case next != nil:
		if o.Result == delivery.Delivered {
			o.Reason = LettersLeft
		}
		o.Result = delivery.Retrying
		if o.NextAt = next.Due; next.Due.Before(o.At) {
			o.NextAt = verdict.WholeSecond(o.At.Add(o.Duration))
		}
	case len(t.Bag.Lost()) > 0:
		if o.Result == delivery.Delivered {
			o.Reason = verdict.Refused
		}
		o.Result = delivery.Parked
	}
}

// detail says for people what happened.
func detail(t *Task, o *delivery.Outcome, f *smtp.Failure) string {
	var parts []string
	if f != nil {
		parts = append(parts, f.Error())
	}
	if t.Repeat {
		parts = append(parts, "a repeat: a process ended while it sent the same letter")
	}
	if t.Bag == nil {
		return strings.Join(parts, "; ")
	}
	if len(t.Bag.Missing) > 0 {
		parts = append(parts, "no address for "+strings.Join(t.Bag.Missing, ", "))
	}
	if lost := t.Bag.Lost(); o.Result == delivery.Parked && len(lost) > 0 {
		parts = append(parts, "not delivered to "+strings.Join(lost, ", "))
	}
	return strings.Join(parts, "; ")
}

// status is the SMTP code that tells most: the failure's, else the first
// refusal's, else that of success.
func status(o *delivery.Outcome, f *smtp.Failure) int {
	if f != nil {
		return f.Code
	}
	code := 0
	for _, r := range o.Recipients {
		switch r.Result {
		case delivery.Delivered:
			code = r.Status
		case delivery.Skipped: // no server was asked
		default:
			return r.Status
		}
	}
	return code
}

// briefMax is the greatest length of a detail, in bytes.
const briefMax = 1000

// brief bounds what a server may have recorded.
func brief(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > briefMax {
		s = strings.ToValidUTF8(s[:briefMax], "") + "…"
	}
	return s
}
