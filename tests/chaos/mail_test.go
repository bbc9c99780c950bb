package chaos_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/billhook/billhook/tests/harness"
)

// mails is how many are sent in the run of mails.
const mails = 2_000

func TestNoMailIsLostAndFewRepeatWhenTheMailerIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	builder, err := harness.NewBuilder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(builder.Remove)
	r := start(t, builder, plan{events: mails, inFlight: 8, accounts: 50, kills: map[string]int{"mailer": 20}})
	began := time.Now()
	killing := r.killAll(t)
	r.publishMails(t, killing)
	killed := <-killing.result
	if killed.err != nil {
		t.Fatal(killed.err)
	}
	r.drain(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	repeated, most := repeats(r.mails), 0
	for _, n := range r.mails {
		most = max(most, n)
	}
	t.Logf("%d mails, %d repeats, none more than %d times, %d kills (%d at fault points) in %s", len(r.mails), repeated, most,
		killed.all, killed.faults, time.Since(began).Round(time.Second))
	// A repeat under another Message-ID would be one mail too many.
	if err := missing("mails", r.published, len(r.mails)); err != nil || len(r.bad) > 0 {
		t.Errorf("%v; arrived wrongly: %v", err, r.bad)
	}
	if limit := killed.all * connections; repeated > limit || killed.all != 20 {
		t.Errorf("%d repeats after %d kills, more than %d", repeated, killed.all, limit)
	}
}

// publishMails publishes events that lead to a mail each, at a pace that lasts
// for as long as the killing does, and goes on until that is over.
func (r *run) publishMails(t *testing.T, k *killers) {
	t.Helper()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for over := false; r.published < r.events || !over; {
		select {
		case <-k.done:
			over = true
			k.done = nil
		case <-pace.C:
		}
		n := r.published
		r.publish(t, "credit.processed", fmt.Sprintf("crd_%d", n), map[string]string{"CreditNote.Id": fmt.Sprintf("C-%d", n)})
	}
}
