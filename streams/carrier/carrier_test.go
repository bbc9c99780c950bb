package carrier_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/carrier"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/slots"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

// rig is a server with one delivery that waits, and a carrier.
type rig struct {
	t       *testing.T
	js      jetstream.JetStream
	desk    *settle.Desk
	carrier *carrier.Carrier
	ref     delivery.Reference
}

func newRig(t *testing.T) *rig {
	t.Helper()
	js := topologytest.JetStream(t, topologytest.WithPartitions(1))
	r := &rig{t: t, js: js, desk: settle.New(js, delivery.Email, zerolog.Nop()), ref: delivery.Reference{
		ID: "dlv_1", Owner: "acme", Subscription: "sub_1", Revision: 1, EventSeq: 7, EventID: "e", EventType: "invoice.posted",
	}}
	data, err := json.Marshal(&r.ref)
	must(t, err)
	_, err = js.Publish(t.Context(), subject.Delivery(delivery.Email, 0, r.ref.Owner, r.ref.Subscription), data)
	must(t, err)
	r.carrier = carrier.New(carrier.Config{
		Channel: delivery.Email, Service: permission.Mailer, Instance: "i1", Partitions: 1,
		InFlight: 8, Live: 8, Lease: patience, Drain: time.Millisecond,
	}, carrier.Deps{
		JS: js, Desk: r.desk, Source: unordered{}, Deliverer: unordered{}, Log: zerolog.Nop(), Now: time.Now,
		Notices: notice.New(notice.Settings{JS: js, Log: zerolog.Nop(), Now: time.Now}),
	})
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the carrier until the function returned is called.
func (r *rig) run(open func(life context.Context) carrier.Crew) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.carrier.Run(ctx, open)
	}()
	stop = func() {
		cancel()
		await(r.t, done, "the end of a run")
	}
	r.t.Cleanup(stop)
	return stop
}

func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Error("waited in vain for " + what)
	}
}

// unordered has no ordered subscription.
type unordered struct{}

func (unordered) Subscriptions() []slots.Subscription { return nil }

func (unordered) Changes() (<-chan struct{}, func()) { return nil, func() {} }

func (unordered) Attempt(context.Context, *series.Task) (series.Answer, error) {
	panic("there is no ordered subscription")
}

// sender is a crew's sender that hands tasks over.
type sender struct {
	taken chan *pool.Task
	stop  func()
}

func newSender() *sender { return &sender{taken: make(chan *pool.Task, 8), stop: func() {}} }

func (s *sender) Take(_ context.Context, t *pool.Task) { s.taken <- t }

func (s *sender) Drain() {}

func (s *sender) Stop() { s.stop() }

// hearing is an answerer that hears questions once it is closed.
type hearing chan struct{}

func (h hearing) Serve(ctx context.Context, _ *nats.Conn, ready func()) {
	select {
	case <-h:
		ready()
		<-ctx.Done()
	case <-ctx.Done():
	}
}

func TestWhatIsUnderWayAtTheEndIsRecorded(t *testing.T) {
	r, s := newRig(t), newSender()
	stop := r.run(func(life context.Context) carrier.Crew {
		s.stop = func() {
			if life.Err() == nil {
				t.Error("nothing that is under way was told to end")
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := r.desk.Record(ctx, &delivery.Outcome{
				AttemptID: "att_1", Attempt: 1, Delivery: r.ref, Channel: delivery.Email, Result: delivery.Delivered, At: time.Unix(0, 0),
			}); err != nil {
				t.Error(err)
			}
		}
		return carrier.Crew{Sender: s, Answerer: make(hearing)}
	})
	select {
	case <-s.taken:
	case <-time.After(patience):
		t.Fatal("the delivery was not taken")
	}
	stop()
	stream, err := r.js.Stream(t.Context(), topology.Outcomes)
	must(t, err)
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d outcomes are stored, want 1", n)
	}
}

// states are known once they are told to be.
type states struct {
	known, ready chan struct{}
}

func (s *states) Ready() <-chan struct{} { return s.ready }

func (s *states) Run(ctx context.Context) {
	select {
	case <-s.known:
		close(s.ready)
	case <-ctx.Done():
	}
	<-ctx.Done()
}

func TestNothingIsTakenBeforeTheStatesAreKnown(t *testing.T) {
	r, s := newRig(t), newSender()
	known := &states{known: make(chan struct{}), ready: make(chan struct{})}
	r.run(func(context.Context) carrier.Crew {
		return carrier.Crew{Sender: s, Answerer: make(hearing), States: known}
	})
	select {
	case <-s.taken:
		t.Fatal("a delivery was taken while states were not known")
	case <-time.After(300 * time.Millisecond): // a longer one finds no more than this
	}
	close(known.known)
	select {
	case <-s.taken:
	case <-time.After(patience):
		t.Fatal("the delivery was not taken once the states were known")
	}
}

func TestACarrierIsReadyOnceQuestionsAreHeard(t *testing.T) {
	r, s, heard := newRig(t), newSender(), make(hearing)
	r.run(func(context.Context) carrier.Crew { return carrier.Crew{Sender: s, Answerer: heard} })
	select {
	case <-s.taken:
	case <-time.After(patience):
		t.Fatal("the delivery was not taken")
	}
	select {
	case <-r.carrier.Ready():
		t.Error("ready, and no question is heard")
	default:
	}
	close(heard)
	await(t, r.carrier.Ready(), "the carrier to be ready")
}
