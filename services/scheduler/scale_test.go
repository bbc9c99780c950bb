package scheduler

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// A scheduler is restarted with many pending plans, and then many fall due in
// one second. What it takes is printed; that all is there and fires once is
// held. BILLHOOK_SCALE_PLANS and BILLHOOK_SCALE_BURST make it larger.
func TestManyPlansSurviveARestartAndABurstFiresOnce(t *testing.T) {
	plans, burst := sizeOf(t, "BILLHOOK_SCALE_PLANS", 3000), sizeOf(t, "BILLHOOK_SCALE_BURST", 300)
	b := startAlone(t)
	b.hands, b.lease = 64, cursor.DefaultLease // as in production: a lease that is lost has all done again
	b.patience = 3*time.Minute + time.Duration(plans)*time.Millisecond
	far := time.Now().Add(30 * 24 * time.Hour).Truncate(time.Hour)
	rule := due.Rule{Days: 400, At: due.TimeOfDay(far.In(b.zone).Hour() * 3600)}
	b.want(t, rule)
	loaded := b.load(t, plans, far, rule)
	t.Logf("%d plans stored in %s", plans, loaded.Round(time.Millisecond))
	began := time.Now()
	b.run(t, none).end() // so that the configuration is known to the next
	t.Logf("the first start, which plans all anew, took %s", time.Since(began).Round(time.Millisecond))
	due := farInvoice(plans, far, rule, b.zone)
	due.Force(due.Plans[0].ID, ahead(time.Second))
	b.store(t, due, map[timer.Moment]bool{})
	<-b.js.PublishAsyncComplete()
	b.until(t, func() bool { return b.count(t, topology.Schedules, subject.SchedulesDue) == 1 })
	b.srv.Stop()
	debug.FreeOSMemory()
	before, worked := resident(t), spent(t)
	began = time.Now()
	b.srv.Resume(t)
	b.js = b.srv.JetStream(t, permissiontest.As(permission.Operator)...)
	served := time.Since(began)
	running := b.run(t, none)
	t.Logf("ready %s after the restart (server %s), %s of processor time; resident %d MiB, %d before",
		time.Since(began).Round(time.Millisecond), served.Round(time.Millisecond), spent(t)-worked, resident(t), before)
	b.until(t, func() bool { return b.count(t, topology.Schedules, subject.SchedulesDue) == 0 })
	t.Logf("what was due fired %s after the restart", b.inbox(t)[0].at.Sub(began).Round(time.Millisecond))
	if n := b.count(t, topology.Schedules, subject.SchedulesKeys); n != plans {
		t.Errorf("%d keys behind timers, want %d: reconciliation armed what was armed", n, plans)
	}
	b.burst(t, burst)
	debug.FreeOSMemory()
	t.Logf("resident at the end %d MiB", resident(t))
	running.end()
}

// spent returns the processor time of this process, server included.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Round(time.Millisecond)
}

func sizeOf(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text, ok := os.LookupEnv(variable)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// resident returns the memory of this process, server included, in MiB.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // there is none on other systems
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// want makes a subscription for a rule.
func (b *bench) want(t *testing.T, rule due.Rule) {
	t.Helper()
	b.change(t, "far", func(s *subscription.Subscription, m subscription.Moment) error {
		return s.Revise(subscription.Spec{
			ID: "far", Events: []string{subscription.DeliveryDatePlus}, Channel: delivery.Webhook,
			Schedule: &subscription.Schedule{Days: rule.Days, Time: rule.At.String()},
		}, m)
	})
}

// load stores invoices as the scheduler does, with a plan each, spread over the
// hours of a year.
func (b *bench) load(t *testing.T, plans int, far time.Time, rule due.Rule) time.Duration {
	t.Helper()
	began := time.Now()
	// The event of their delivery lies before every subscription that follows.
	if _, err := b.js.Publish(t.Context(), subject.Event(0, "acme", "account.updated"), []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	x := map[timer.Moment]bool{}
	for n := range plans {
		b.store(t, farInvoice(n, far.Add(time.Duration(n%365)*24*time.Hour), rule, b.zone), x)
		if n%1000 == 0 { // no more than the client lets wait
			<-b.js.PublishAsyncComplete()
		}
	}
	<-b.js.PublishAsyncComplete()
	return time.Since(began)
}

// farInvoice returns an invoice with a plan for a moment.
func farInvoice(n int, at time.Time, rule due.Rule, zone *time.Location) *matter.Matter {
	i := &matter.Matter{
		Owner: "acme", Account: fmt.Sprint("a", n%1000), Part: n % partitions, Name: fmt.Sprint("inv", n), Seq: 1,
		Delivery: "evt_0", Delivered: 1, DeliveredAt: at.AddDate(0, 0, -rule.Days),
		Values: event.Values{"Invoice.Id": event.Str(fmt.Sprint("inv", n)), "Invoice.Total": event.Str("1234.50")},
	}
	i.Replan(matter.Wishes{rule: 0}, matter.Place{Zone: zone}, at.Add(-time.Hour))
	return i
}

// store stores an invoice with a plan as the scheduler does. What is set is noted.
func (b *bench) store(t *testing.T, i *matter.Matter, set map[timer.Moment]bool) {
	t.Helper()
	value, err := json.Marshal(i)
	m := timer.At(i.Part, i.Plans[0].Moment())
	if err == nil {
		_, err = b.js.PublishAsync(topology.BucketKey(topology.Invoices, matter.Key(i.Owner, i.Account, i.Name)), value)
	}
	if err == nil {
		_, err = b.js.PublishAsync(subject.ScheduleKeys(m.Part, m.Unix), []byte(matter.Key(i.Owner, i.Account, i.Name)))
	}
	if err == nil && !set[m] {
		_, err = b.js.Publish(t.Context(), subject.ScheduleSet(m.Part, m.Unix), nil,
			jetstream.WithScheduleAt(m.Time()), jetstream.WithScheduleTarget(subject.ScheduleDue(m.Part, m.Unix)))
		set[m] = true
	}
	if err != nil {
		t.Fatal(err)
	}
}

// count returns how many messages of a stream match a filter.
func (b *bench) count(t *testing.T, stream, filter string) int {
	t.Helper()
	s, err := b.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter(filter))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, of := range info.State.Subjects {
		n += int(of) //nolint:gosec // not that many
	}
	return n
}

// burst delivers invoices whose events are due in the same second, which is chosen
// by how long it takes to plan them.
func (b *bench) burst(t *testing.T, n int) {
	t.Helper()
	before := b.count(t, topology.Inbox, "inbox.>")
	began, far := time.Now(), ahead(6*time.Hour)
	b.subscribe(t, "burst", far)
	for i := range n {
		e := &event.Event{
			ID: fmt.Sprint("evt_", i), Type: "invoice.delivery", Owner: "acme", Account: fmt.Sprint("a", i%1000), Time: time.Now(),
			Data: event.Values{"Invoice.Id": event.Str(fmt.Sprint("burst", i))},
		}
		data, err := e.Encode()
		if err == nil {
			_, err = b.js.PublishAsync(subject.Event(1, "acme", e.Type), data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			<-b.js.PublishAsyncComplete()
		}
	}
	<-b.js.PublishAsyncComplete()
	b.noted(t, far, n)
	took := time.Since(began)
	t.Logf("%d deliveries planned in %s: %.0f a second", n, took.Round(time.Millisecond), float64(n)/took.Seconds())
	at := ahead(3*time.Second + 3*took)
	b.subscribe(t, "burst", at)
	inTime := b.noted(t, at, n)
	// Only counted at first: reading would take the processor from the firing.
	b.until(t, func() bool { return b.count(t, topology.Inbox, "inbox.>") >= before+n })
	ids, late := map[string]bool{}, []time.Duration(nil)
	b.until(t, func() bool {
		clear(ids)
		late = late[:0]
		for _, f := range b.inbox(t)[before:] {
			ids[f.ID], late = true, append(late, f.at.Sub(at))
		}
		return len(ids) >= n
	})
	slices.Sort(late)
	// Events of a moment that came too early for the planning come twice, and
	// ingest, which is not here, drops one.
	if len(ids) != n || inTime && len(late) != n || late[0] < 0 {
		t.Errorf("%d of %d fired, %d times, the first %s after the moment", len(ids), n, len(late), late[0])
	}
	t.Logf("lateness of %d due in one second: p50 %s, p99 %s, greatest %s", n, late[n/2].Round(time.Millisecond),
		late[n*99/100].Round(time.Millisecond), late[n-1].Round(time.Millisecond))
}

// noted waits until so many keys are behind the timer of a moment, and reports
// whether that was before it.
func (b *bench) noted(t *testing.T, at time.Time, n int) (inTime bool) {
	t.Helper()
	keys := subject.ScheduleKeys(1, at.Unix())
	b.until(t, func() bool {
		inTime = b.count(t, topology.Schedules, keys) >= n && time.Now().Before(at)
		return inTime || time.Now().After(at)
	})
	return inTime
}

// inbox returns the events that came in.
func (b *bench) inbox(t *testing.T) (all []fired) {
	t.Helper()
	stretch := scan.Stretch{Stream: topology.Inbox, Filters: []string{"inbox.>"}}
	err := scan.Read(t.Context(), b.js, stretch, func(m *cursor.Message) error {
		var e struct{ ID string }
		err := json.Unmarshal(m.Data, &e)
		all = append(all, fired{Event: event.Event{ID: e.ID}, at: m.Time})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
