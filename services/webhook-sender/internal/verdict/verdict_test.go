package verdict_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/webhook-sender/internal/verdict"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
)

var ended = time.Date(2026, 5, 1, 12, 0, 0, 400_000_000, time.UTC)

func longest(n int64) int64 { return n - 1 }

func shortest(int64) int64 { return 0 }

func TestWhatOthersWaitForIsTriedForEverAtTheLastInterval(t *testing.T) {
	p := verdict.Policy{Schedule: backoff.Schedule{0, 10 * time.Second, time.Minute}, Rand: longest, Forever: true}
	for _, a := range []verdict.Attempt{
		{Number: 2, Reason: "timeout"}, {Number: 3, Reason: "timeout"}, {Number: 1000, Reason: "timeout"},
		{Number: 7, Reason: "status_410", Status: 410},
	} {
		a.Ended = ended
		v := p.Judge(a)
		if v.Result != delivery.Retrying || v.NextAt.Sub(ended) < time.Minute || v.NextAt.Sub(ended) > time.Minute+time.Second {
			t.Errorf("attempt %d: %+v", a.Number, v)
		}
	}
	p.Schedule = backoff.Schedule{0}
	if v := p.Judge(verdict.Attempt{Number: 5, Reason: "timeout", Ended: ended}); v.Result != delivery.Retrying {
		t.Errorf("a schedule of one attempt: %+v", v)
	}
}

func TestAnAttemptIsJudgedByItsStatusAndTheScheduleOfTheEndpoint(t *testing.T) {
	retry := func(reason string, after time.Duration) verdict.Verdict {
		at := ended.Add(after).Truncate(time.Second).Add(time.Second)
		return verdict.Verdict{Result: delivery.Retrying, Reason: reason, NextAt: at}
	}
	park := func(reason string) verdict.Verdict {
		return verdict.Verdict{Result: delivery.Parked, Reason: reason}
	}
	for _, c := range []struct {
		name    string
		attempt verdict.Attempt
		rand    func(int64) int64
		want    verdict.Verdict
	}{
		{"success ends it", verdict.Attempt{Number: 1, Status: 204}, longest, verdict.Verdict{Result: delivery.Delivered}},
		{"a failure waits as scheduled", verdict.Attempt{Number: 1, Reason: "timeout"}, longest, retry("timeout", 10*time.Second)},
		{"full jitter reaches down to nothing", verdict.Attempt{Number: 1, Reason: "timeout"}, shortest, retry("timeout", 0)},
		{"the second failure waits longer", verdict.Attempt{Number: 2, Reason: "dns"}, longest, retry("dns", time.Minute)},
		{"the last failure parks", verdict.Attempt{Number: 3, Reason: "tls"}, longest, park("tls")},
		{"more attempts than the schedule has park", verdict.Attempt{Number: 9, Reason: "tls"}, longest, park("tls")},
		{"410 parks at once", verdict.Attempt{Number: 1, Status: 410, Reason: "status_410"}, longest, park("gone")},
		{"429 is kept to", verdict.Attempt{Number: 1, Status: 429, Reason: "status_429", RetryAfter: 90 * time.Second}, shortest, retry("status_429", 90*time.Second)},
		{"503 is kept to", verdict.Attempt{Number: 1, Status: 503, Reason: "status_503", RetryAfter: 90 * time.Second}, shortest, retry("status_503", 90*time.Second)},
		{"a request to come sooner is not", verdict.Attempt{Number: 2, Status: 503, Reason: "status_503", RetryAfter: time.Second}, longest, retry("status_503", time.Minute)},
		{"an absurd request is bounded", verdict.Attempt{Number: 1, Status: 429, Reason: "status_429", RetryAfter: 9999 * time.Hour}, shortest, retry("status_429", time.Hour)},
		{"other statuses cannot ask", verdict.Attempt{Number: 1, Status: 500, Reason: "status_500", RetryAfter: time.Hour}, shortest, retry("status_500", 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.attempt.Ended = ended
			p := verdict.Policy{
				Schedule:      backoff.Schedule{0, 10 * time.Second, time.Minute},
				MaxRetryAfter: time.Hour, Rand: c.rand,
			}
			if diff := cmp.Diff(c.want, p.Judge(c.attempt)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestNoAttemptIsEverDueEarlyOrInPartsOfASecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		got := verdict.WholeSecond(at)
		if got.Before(at) || got.Sub(at) >= time.Second || got.Nanosecond() != 0 {
			t.Fatalf("%v became %v", at, got)
		}
	})
}
