package verdict_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
)

var (
	first = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ended = first.Add(400 * time.Millisecond)
)

func longest(n int64) int64 { return n - 1 }

func shortest(int64) int64 { return 0 }

func policy(rnd func(int64) int64) verdict.Policy {
	return verdict.Policy{
		Schedule: backoff.Schedule{0, 10 * time.Minute, time.Hour},
		Pace:     time.Minute, Patience: 24 * time.Hour, Rand: rnd,
	}
}

func TestAnAttemptIsJudgedByWhatBecameOfItsRecipients(t *testing.T) {
	failure := func(c smtp.Class, stage string) *smtp.Failure { return &smtp.Failure{Class: c, Stage: stage} }
	at := func(d time.Duration) time.Time { return first.Add(d + time.Second) } // rounded up
	for _, c := range []struct {
		name    string
		attempt verdict.Attempt
		rand    func(int64) int64
		want    verdict.Verdict
	}{
		{"all have it", verdict.Attempt{}, longest, verdict.Verdict{Result: delivery.Delivered, Burnt: 1}},
		{"some were refused, the rest have it", verdict.Attempt{Lost: true}, longest,
			verdict.Verdict{Result: delivery.Parked, Reason: "recipient_refused", Burnt: 1}},
		{"the letter was refused", verdict.Attempt{Lost: true, Failure: failure(smtp.Permanent, "data")}, longest,
			verdict.Verdict{Result: delivery.Parked, Reason: "smtp_data", Burnt: 1}},
		{"some must wait", verdict.Attempt{Waiting: true}, longest,
			verdict.Verdict{Result: delivery.Retrying, Reason: "recipient_deferred", Burnt: 1, NextAt: at(10 * time.Minute)}},
		{"half of the delay at least is kept to", verdict.Attempt{Waiting: true, Lost: true}, shortest,
			verdict.Verdict{Result: delivery.Retrying, Reason: "recipient_deferred", Burnt: 1, NextAt: at(5 * time.Minute)}},
		{"the server is away", verdict.Attempt{Burnt: 1, Waiting: true, Failure: failure(smtp.Transient, "dial")}, longest,
			verdict.Verdict{Result: delivery.Retrying, Reason: "smtp_dial", Burnt: 2, NextAt: at(time.Hour)}},
		{"a lost reply", verdict.Attempt{Waiting: true, Failure: failure(smtp.Ambiguous, "data")}, longest,
			verdict.Verdict{Result: delivery.Retrying, Reason: "smtp_ambiguous", Burnt: 1, NextAt: at(10 * time.Minute)}},
		{"the schedule is used up", verdict.Attempt{Burnt: 2, Waiting: true, Failure: failure(smtp.Transient, "dial")}, longest,
			verdict.Verdict{Result: delivery.Parked, Reason: "smtp_dial", Burnt: 3}},
		{"a fault of the settings burns nothing", verdict.Attempt{Burnt: 2, Waiting: true, Failure: failure(smtp.Settings, "auth")}, shortest,
			verdict.Verdict{Result: delivery.Retrying, Reason: "smtp_auth", Burnt: 2, NextAt: at(time.Minute)}},
		{"but not for ever", verdict.Attempt{First: first.Add(-24 * time.Hour), Waiting: true, Failure: failure(smtp.Settings, "tls")}, shortest,
			verdict.Verdict{Result: delivery.Parked, Reason: "smtp_tls"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.attempt.First.IsZero() {
				c.attempt.First = first
			}
			c.attempt.Ended = ended
			if diff := cmp.Diff(c.want, policy(c.rand).Judge(c.attempt)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryDeliveryEndsAndNoAttemptIsEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policy(func(n int64) int64 { return rapid.Int64Range(0, n-1).Draw(t, "jitter") })
		now, burnt := first, 0
		for range 10_000 {
			f := &smtp.Failure{Class: smtp.Class(rapid.IntRange(0, 3).Draw(t, "class")), Stage: "mail"}
			v := p.Judge(verdict.Attempt{Burnt: burnt, First: first, Ended: now, Waiting: true, Failure: f})
			if v.Result.Final() {
				return
			}
			if v.NextAt.Before(now) || v.NextAt.Nanosecond() != 0 || v.Burnt < burnt {
				t.Fatalf("at %v burnt %d: %+v", now, burnt, v)
			}
			now, burnt = v.NextAt.Add(time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "later"))), v.Burnt
		}
		t.Fatal("never ended")
	})
}
