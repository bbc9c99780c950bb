// Package chaos kills services under load, again and again, and judges by what
// reached the receiver or a reader and by what stands in the streams: nothing lost,
// every delivery created once, order kept, repeats no more than what was under way.
package chaos_test

import (
	"testing"
	"time"

	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/tests/harness"
)

// plan says how hard the run is.
type plan struct {
	events int
	// kills per instance of a service; half of them, rounded up, at the fault point.
	kills map[string]int
	// inFlight is the sender's cap, and so the most repeats a kill may cause.
	inFlight int
	// accounts and invoices are how many of each there are at first.
	accounts, invoices int
	// perQueue is how many read each queue.
	perQueue int
}

// faultPoints lie where something is done and not yet on record, or on record
// and not yet settled. They take turns.
var faultPoints = map[string][]string{
	"ingest":         {"after-publish-before-checkpoint"},
	"matcher":        {"after-publish-before-checkpoint"},
	"webhook-sender": {"webhook-recorded"},
	"mailer":         {"mailer-recorded", "mailer-sent", "mailer-noted"},
	"scheduler":      {"published-before-fired"},
	"queue":          {"queue-stored"},
}

func TestNothingIsLostAndNothingDoneTwiceWhenServicesAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	builder, err := harness.NewBuilder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(builder.Remove)
	p := plan{
		events: 10_000, inFlight: 8, accounts: 50, invoices: 60,
		kills:    map[string]int{"ingest": 20, "matcher": 20, "webhook-sender": 20, "mailer": 5, "scheduler": 5, "queue": 10},
		perQueue: 2,
	}
	r := start(t, builder, p)
	r.readers.start(p.perQueue)
	began := time.Now()
	killing := r.killAll(t)
	r.publishAll(t, killing)
	killed := <-killing.result
	if killed.err != nil {
		t.Fatal(killed.err)
	}
	r.drain(t)
	r.readers.end()
	t.Logf("%d events, %d webhooks, %d mails, %d kills (%d at fault points) in %s", r.published, len(r.hooks), len(r.mails),
		killed.all, killed.faults, time.Since(began).Round(time.Second))
	e, err := r.evidence(killed)
	if err != nil {
		t.Fatal(err)
	}
	e.queues = r.readers.read
	for id, of := range e.queues {
		of.left = r.cli(t, "", "queue", "status", id, "--owner", demo.Owner)
		t.Logf("queue %s: %s", id, of.summary())
	}
	for name, judge := range judges() {
		if err := judge(e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if killed.faults*2 < killed.all {
		t.Errorf("%d of %d kills were at a fault point, want half", killed.faults, killed.all)
	}
}

// tally counts the kills.
type tally struct {
	all, faults int
	byService   map[string]int
	err         error
}

func (a tally) add(service string, fault bool, err error) tally {
	if err != nil {
		a.err = err
	}
	a.all++
	if fault {
		a.faults++
	}
	a.byService[service]++
	return a
}
