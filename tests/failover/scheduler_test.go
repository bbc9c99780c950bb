package failover_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/billhook/billhook/tests/harness"
)

// wholeVariable, set to anything, makes the run as long as production's worst
// night: 5,000 plans, 50 kills.
const wholeVariable = "BILLHOOK_FAILOVER_WHOLE"

// Two schedulers, one or the other of which is killed again and again while
// plans fall due.
func TestEachPlanFiresOnceThoughSchedulersAreKilledAroundItsMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	l, kills := load{invoices: 50, moments: 10}, 5
	if os.Getenv(wholeVariable) != "" {
		l, kills = load{invoices: 50, moments: 100}, 50
	}
	r := &run{load: l, server: harness.Broker(t, "acme")}
	begin(t, r, 20*time.Second)
	r.service(t, "ingest")
	pair := []*harness.Process{r.service(t, "scheduler"), r.service(t, "scheduler")}
	r.deliver(t)
	r.planned(t)
	<-time.After(time.Until(r.first.Add(-200 * time.Millisecond)))
	rnd := rand.New(rand.NewPCG(5, 50)) //nolint:gosec // which one is killed
	span := time.Duration(l.moments) * time.Second
	for k := range kills {
		// Around a moment: a little before or behind it.
		at := r.first.Add(span * time.Duration(k) / time.Duration(kills)).Truncate(time.Second)
		at = at.Add(time.Duration(rnd.IntN(600)-100) * time.Millisecond)
		<-time.After(time.Until(at))
		n := rnd.IntN(len(pair))
		pair[n].Kill()
		pair[n] = r.service(t, "scheduler")
	}
	r.settled(t)
	r.judge(t)
	t.Logf("%d kills", kills)
}
