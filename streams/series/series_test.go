package series_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// inOrder fails where an account's accepted requests are not in the order of
// its events.
func (r *rig) inOrder() {
	r.tb.Helper()
	last := map[string]uint64{}
	for _, g := range r.got {
		if g.accepted && g.seq <= last[g.account] {
			r.tb.Fatalf("account %s: %d came after %d", g.account, g.seq, last[g.account])
		}
		if g.accepted {
			last[g.account] = g.seq
		}
	}
}

func TestEveryEventIsDeliveredOnceAndAnotherHolderFindsThatDone(t *testing.T) {
	r := newRig(t)
	r.publish(300, 7)
	rest := r.rest(r.series())
	r.inOrder()
	if len(r.got) != 300 || rest.Through != 300 || r.stored(delivery.Delivered) != 300 {
		t.Fatalf("%d requests, %d outcomes, rest %+v", len(r.got), r.stored(delivery.Delivered), rest)
	}
	if r.rest(r.series()); len(r.got) != 300 {
		t.Errorf("the next holder sent %d again", len(r.got)-300)
	}
}

func TestAFormerHolderIsRefusedFromTheClaimOn(t *testing.T) {
	r := newRig(t)
	r.publish(10, 2)
	former := r.series()
	r.rest(former)
	r.rest(r.series()) // claims, and has nothing to deliver
	r.publish(1, 1)
	if _, err := former.Run(r.ctx); !errors.Is(err, fence.ErrFenced) {
		t.Errorf("the former holder's outcome gave %v", err)
	}
	if n := r.stored(delivery.Delivered); n != 10 {
		t.Errorf("%d outcomes are stored, 10 are of the holder's time", n)
	}
}

func TestARetryHasTheSameBytesAtTheNextHolderAlsoWhereTheEventIsGone(t *testing.T) {
	r := newRig(t)
	r.fail = func(*series.Task) bool { return true }
	r.publish(1, 1)
	now := time.Now()
	if rest := r.rest(r.series()); rest.Next.Before(now.Add(50 * time.Minute)) {
		t.Fatalf("the head fails and the series rests as %+v", rest)
	}
	events, err := r.js.Stream(r.ctx, topology.Events)
	r.must(err)
	r.must(events.Purge(r.ctx))
	r.fail = func(*series.Task) bool { return false }
	next := series.New(r.cfg, series.Deps{JS: r.js, Deliverer: r, Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	r.rest(next)
	if len(r.got) != 2 || r.got[0].body != r.got[1].body {
		t.Fatalf("came: %+v", r.got)
	}
	retries, err := r.js.Stream(r.ctx, topology.Retries)
	r.must(err)
	if info, err := retries.Info(r.ctx); err != nil || info.State.Msgs != 0 {
		t.Errorf("%d messages are left in RETRIES (%v)", info.State.Msgs, err)
	}
}

func TestWhatRetentionTookIsAVisibleGap(t *testing.T) {
	r := newRig(t)
	r.publish(20, 2)
	r.rest(r.series())
	r.publish(20, 2)
	events, err := r.js.Stream(r.ctx, topology.Events)
	r.must(err)
	r.must(events.Purge(r.ctx))
	r.publish(3, 1)
	r.rest(r.series())
	if len(r.got) != 23 {
		t.Errorf("%d requests came, want 23", len(r.got))
	}
	gaps, err := r.js.Stream(r.ctx, topology.Gaps)
	r.must(err)
	m, err := gaps.GetLastMsgForSubject(r.ctx, subject.GapsOfSeries(delivery.Webhook))
	r.must(err)
	var gap cursor.Gap
	r.must(json.Unmarshal(m.Data, &gap))
	if gap.After != 20 || gap.First != 41 || gap.Last != 43 || gap.At.IsZero() {
		t.Errorf("the gap is recorded as %+v", gap)
	}
}

func TestBlockedAccountsStopNobodyAlsoFarPastTheWindow(t *testing.T) {
	const accounts, blocked = 1000, 10
	events := 100_000
	if testing.Short() {
		events = 10_000
	}
	r := newRig(t)
	names := map[string]bool{}
	for _, n := range []string{"3", "103", "203", "303", "403", "503", "603", "703", "803", "903"} {
		names["acc_"+n] = true
	}
	r.fail = func(t *series.Task) bool { return names[t.Work.Delivery.Account] }
	r.publish(events, accounts)
	s := r.series()
	start := time.Now()
	rest := r.rest(s)
	t.Logf("%d events with %d of %d accounts blocked in %s", events, blocked, accounts, time.Since(start))
	r.inOrder()
	healthy := events / accounts * (accounts - blocked)
	if n := r.stored(delivery.Delivered); n != healthy || rest.Through < uint64(events) {
		t.Fatalf("%d of %d were delivered past the blocked ones; rest %+v", n, healthy, rest)
	}
	if n := r.stored(delivery.Retrying); n != blocked {
		t.Errorf("%d attempts failed, want one for each blocked account", n)
	}
	r.fail = func(*series.Task) bool { return false }
	later := series.New(r.cfg, series.Deps{JS: r.js, Deliverer: r, Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	start = time.Now()
	r.rest(later)
	t.Logf("the backlog of the blocked ones in %s", time.Since(start))
	r.inOrder()
	if n := r.stored(delivery.Delivered); n != events {
		t.Errorf("%d of %d were delivered in the end", n, events)
	}
}

// Who asks while the last attempt is still under way has seen the receiver
// mended, or gives the delivery up: neither waits to be asked again.
func TestWhatIsAskedWhileTheLastAttemptIsUnderWayEndsTheStop(t *testing.T) {
	for name, row := range map[string]struct {
		asked series.Control
		came  int
	}{
		"resume": {series.Control{Number: 1}, 3},
		"skip":   {series.Control{Number: 1, Skips: []series.Skip{{Number: 1}}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.cfg.Plan.ByAccount, r.cfg.Plan.Head = false, series.Pause
			r.publish(2, 1)
			s := r.series()
			r.fail = func(*series.Task) bool {
				s.SetControl(row.asked)
				return len(r.got) == 0
			}
			if rest := r.rest(s); rest.Paused || len(r.got) != row.came {
				t.Errorf("it rests as %+v after %+v", rest, r.got)
			}
		})
	}
}

func TestASeriesThatStoppedByItselfGoesOnWhenItIsResumed(t *testing.T) {
	r := newRig(t)
	r.cfg.Plan.ByAccount, r.cfg.Plan.Head = false, series.Pause
	r.publish(2, 1)
	r.fail = func(*series.Task) bool { return len(r.got) == 0 }
	s := r.series()
	for range 2 {
		if rest := r.rest(s); !rest.Paused || len(r.got) != 1 {
			t.Fatalf("it rests as %+v after %+v", rest, r.got)
		}
	}
	s.SetControl(series.Control{Number: 1})
	if rest := r.rest(s); rest.Paused || len(r.got) != 3 {
		t.Errorf("resumed, it rests as %+v after %+v", rest, r.got)
	}
}
