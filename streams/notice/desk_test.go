package notice

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/id"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inbox records what is told; it fails as often as it is said to.
type inbox struct {
	mu     sync.Mutex
	fails  int
	events []*event.Event
}

func (i *inbox) tell(_ context.Context, e *event.Event) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fails > 0 {
		i.fails--
		return errors.New("no responders")
	}
	i.events = append(i.events, e)
	return nil
}

func (i *inbox) told() []*event.Event {
	synctest.Wait()
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.events)
}

func settings(log zerolog.Logger) Settings {
	names := map[string]string{"delivery.parked acme s1": "Invoices"}
	return Settings{
		Interval: time.Minute, Log: log, Now: time.Now,
		Name: func(k Kind, owner, thing string) string { return names[string(k)+" "+owner+" "+thing] },
	}
}

// running runs a desk; the function ends it.
func running(d *Desk) func() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = d.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func TestRepeatsWithinAWindowAreCountedInTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{}
		d := newDesk(settings(zerolog.Nop()), in.tell)
		end := running(d)
		for range 5 {
			d.Raise(Notice{Kind: DeliveryParked, Owner: "acme", Thing: "s1", Reason: "timeout", Cause: "invoice.posted"})
			synctest.Wait()
		}
		d.Raise(Notice{Kind: DeliveryParked, Owner: "acme", Thing: "s2"})
		if n := len(in.told()); n != 2 {
			t.Fatalf("%d told in the first window, want one for each subscription", n)
		}
		<-time.After(time.Minute)
		events := in.told()
		if len(events) != 3 {
			t.Fatalf("%d told with the second window", len(events))
		}
		first, next := events[0], events[2]
		if first.Data.Text("Operation.Count") != "1" || next.Data.Text("Operation.Count") != "4" {
			t.Errorf("counts %s and %s, want 1 and 4", first.Data.Text("Operation.Count"), next.Data.Text("Operation.Count"))
		}
		if first.ID == next.ID {
			t.Error("two windows have one id: ingest would drop the second")
		}
		for token, want := range map[string]string{
			"Operation.Kind": "delivery.parked", "Operation.Id": "s1", "Operation.Name": "Invoices", "Operation.Reason": "timeout",
		} {
			if got := next.Data.Text(token); got != want {
				t.Errorf("%s is %q, want %q", token, got, want)
			}
		}
		if next.Owner != "acme" || next.Type != "delivery.parked" || next.Account != "" || !id.Valid(next.ID) {
			t.Errorf("event %+v", next)
		}
		end()
	})
}

func TestNothingIsRaisedAboutNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{}
		d := newDesk(settings(zerolog.Nop()), in.tell)
		end := running(d)
		for _, cause := range Kinds() {
			for _, kind := range Kinds() {
				d.Raise(Notice{Kind: kind, Owner: "acme", Thing: "x", Cause: string(cause)})
			}
		}
		if n := len(in.told()); n > 0 {
			t.Errorf("%d notices about notices", n)
		}
		d.Raise(Notice{Kind: DeliveryParked, Owner: "acme", Thing: "x", Cause: "invoice.posted"})
		if n := len(in.told()); n != 1 {
			t.Errorf("%d notices about an event of the platform", n)
		}
		end()
	})
}

// Every receiver of the owner fails, that of notices too: what begins with one
// parked delivery must come to an end.
func TestNoticesThatCannotBeDeliveredEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d *Desk
		told := 0
		d = newDesk(settings(zerolog.Nop()), func(_ context.Context, e *event.Event) error {
			told++
			d.Raise(Notice{Kind: DeliveryParked, Owner: e.Owner, Thing: "notices", Cause: e.Type})
			d.Raise(Notice{Kind: EndpointDisabled, Owner: e.Owner, Thing: "receiver", Cause: e.Type})
			d.Raise(Notice{Kind: EventRejected, Owner: e.Owner, Cause: e.Type})
			return nil
		})
		end := running(d)
		d.Raise(Notice{Kind: DeliveryParked, Owner: "acme", Thing: "invoices", Cause: "invoice.posted"})
		<-time.After(24 * time.Hour)
		end()
		if told != 1 {
			t.Errorf("one parked delivery led to %d notices in a day", told)
		}
	})
}

func TestRaisingNeverWaitsForTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		d := newDesk(settings(zerolog.New(&log)), func(ctx context.Context, _ *event.Event) error {
			<-ctx.Done()
			return ctx.Err()
		})
		end := running(d)
		began := time.Now()
		for i := range maxThings + 1 {
			d.Raise(Notice{Kind: DeliveryParked, Owner: "acme", Thing: string(rune(0x4e00 + i))})
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("raising took %s", took)
		}
		end()
		if took := time.Since(began); took > 2*lastPatience {
			t.Errorf("the end took %s", took)
		}
		if !strings.Contains(log.String(), "too many things to tell of") || !strings.Contains(log.String(), "could not be published") {
			t.Errorf("what is dropped is not logged: %.300s", log.String())
		}
	})
}

func TestAFailureIsTriedAgainAndTheEndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{fails: 3}
		d := newDesk(settings(zerolog.Nop()), in.tell)
		end := running(d)
		d.Raise(Notice{Kind: EventRejected, Owner: "acme"})
		<-time.After(time.Second)
		d.Raise(Notice{Kind: DeliveryParked, Owner: "acme", Thing: "s"})
		end()
		if events := in.told(); len(events) != 2 {
			t.Errorf("%d of 2 told", len(events))
		}
	})
}

func TestTheSameHappeningIsTheSameEventForEveryInstance(t *testing.T) {
	of := func(n Notice, window int64) string { return (&told{Notice: n, window: window}).id() }
	n := Notice{Kind: EndpointDisabled, Owner: "acme", Thing: "e", Reason: "gone"}
	other := n
	other.Reason = "seen by another instance"
	if of(n, 5) != of(other, 5) || of(n, 5) == of(n, 6) {
		t.Error("without a name the window tells happenings apart")
	}
	n.Happening, other.Happening = "7", "7"
	if of(n, 5) != of(other, 6) {
		t.Error("one happening is two events")
	}
	other.Happening = "8"
	if of(n, 5) == of(other, 5) {
		t.Error("two happenings are one event")
	}
	other = n
	other.Thing = "f"
	if of(n, 5) == of(other, 5) {
		t.Error("two endpoints are one event")
	}
}

// Instances of two versions tell of the same happening, during an upgrade.
func TestAHappeningKeepsTheIdOfItsEventOverAnUpgrade(t *testing.T) {
	n := told{Notice: Notice{Kind: EndpointDisabled, Owner: "acme", Thing: "crm"}, window: 5}
	if got, want := n.id(), "evt_vlkrwnh6zxsfrcqpuep6lw7fpy"; got != want {
		t.Errorf("without a name %s, want %s", got, want)
	}
	n.Happening = "7"
	if got, want := n.id(), "evt_7z6qrsbnyuamqx5cyxyrlkco2y"; got != want {
		t.Errorf("with a name %s, want %s", got, want)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	n := told{Notice: Notice{Kind: EventRejected, Owner: "acme", Reason: strings.Repeat("é", 400) + "\xff"}}
	if r := n.event().Data.Text("Operation.Reason"); len(r) > MaxText+len("…") || !utf8.ValidString(r) {
		t.Errorf("reason of %d bytes", len(r))
	}
}

func TestWhatCannotBeReadRaisesNothing(t *testing.T) {
	for _, n := range []Notice{Parked(&delivery.Outcome{Result: delivery.Parked}), Paused(&delivery.Outcome{})} {
		if !Operational(n.Cause) {
			t.Errorf("%s: it may be the delivery of a notice", n.Kind)
		}
	}
	read := &delivery.Outcome{Reason: "timeout", Delivery: delivery.Reference{Owner: "acme", Subscription: "s", EventType: "invoice.posted"}}
	if n := Parked(read); n.Cause != "invoice.posted" || n.Thing != "s" || n.Owner != "acme" || n.Reason != "timeout" {
		t.Errorf("%+v", n)
	}
}
