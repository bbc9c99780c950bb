package conformance_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/stored"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/probe/probetest"
	"github.com/billhook/billhook/streams/resend"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tests/harness"
	"github.com/billhook/billhook/tokens"
)

// unconfigured has no owner.
type unconfigured struct{}

func (unconfigured) Owner(string) *directory.Snapshot { return &directory.Snapshot{} }

// planned stores an invoice with a plan as the scheduler does, and returns where
// the plan is.
func planned(t *testing.T, js jetstream.JetStream, invoice string) plan.Place {
	t.Helper()
	now, rule := time.Now().UTC(), due.Rule{Days: 3}
	i := &matter.Matter{Owner: "acme", Account: "A-1", Name: invoice, Seq: 1, Delivered: 1, DeliveredAt: now}
	i.Replan(matter.Wishes{rule: 0}, matter.Place{Zone: time.UTC}, now)
	if _, err := stored.NewShelf(js).Put(t.Context(), book.Entry{Key: matter.Key("acme", "A-1", invoice), Matter: i}); err != nil {
		t.Fatal(err)
	}
	return plan.Place{Owner: "acme", Plan: matter.ID("acme", invoice, rule)}
}

// givenUp records a delivery that was parked, as the sender of webhooks does.
func givenUp(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	o := delivery.Outcome{
		Attempt: 1, Channel: delivery.Webhook, Result: delivery.Parked, Reason: "gone", Target: "erp", At: time.Now(),
		Delivery: delivery.Reference{ID: "dlv_1", Owner: "acme", Subscription: "hook", Revision: 1},
	}
	desk := settle.New(js, o.Channel, zerolog.Nop())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	w := settle.Work{Delivery: o.Delivery, Attempts: 1, First: o.At, Frozen: []byte("bytes")}
	parked := desk.Park(t.Context(), &w, &o)
	cancel()
	if err := <-done; err != nil || parked != nil {
		t.Fatal(err, parked)
	}
	line, err := json.Marshal(o)
	if err == nil {
		_, err = js.PublishMsg(t.Context(), &nats.Msg{
			Subject: subject.Outcome(o.Channel, o.Result, "acme", "hook"), Header: nats.Header{settle.HeaderAttempt: {"dlv_1/1"}}, Data: line,
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// senders answer the questions of probes as their users, until the test ends.
func senders(t *testing.T, broker *natstest.Server) {
	t.Helper()
	probetest.Answer(t, broker.Conn(t, permissiontest.As(permission.WebhookSender)...), &probe.Answerer[probe.Question, probe.Report]{
		Channel: delivery.Webhook, Log: zerolog.Nop(), Refuse: probe.Refuse,
		Try: func(context.Context, probe.Question) probe.Report { return probe.Report{} },
	})
	probetest.Answer(t, broker.Conn(t, permissiontest.As(permission.Mailer)...), &probe.Answerer[probe.MailQuestion, probe.MailReport]{
		Channel: delivery.Email, Log: zerolog.Nop(), Refuse: probe.RefuseMail,
		Try: func(context.Context, probe.MailQuestion) probe.MailReport { return probe.MailReport{} },
	})
}

// What the console does where other services write: a right that it lacks shows
// as a time-out.
func TestTheConsolesUserConfiguresCancelsFiresResendsTriesAndDeletes(t *testing.T) {
	broker := harness.Broker(t, "acme")
	topologytest.Ensure(t, broker.JetStream(t, permissiontest.As(permission.Operator)...))
	js := broker.JetStream(t, permissiontest.As(permission.Console)...)
	sealer := secrettest.Sealer(t)
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(store.Deps{JetStream: js, Catalogue: catalogue, Mail: &guard.Policy{}, Sealer: sealer, Rand: rand.Reader, Now: time.Now})
	if _, err := s.PutOwner(t.Context(), owner.Owner{ID: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Viewer}); err != nil {
		t.Fatal(err)
	}
	late := queue.Spec{ID: "ledger", Name: "Ledger", Events: []string{"invoice.posted"}, Start: time.Now().UTC().Format(time.RFC3339)}
	if _, err := s.PutQueue(t.Context(), "acme", late); err != nil {
		t.Error(err)
	}
	scheduler := broker.JetStream(t, permissiontest.As(permission.Scheduler)...)
	desk := plan.NewDesk(plan.DeskDeps{JetStream: js, Snapshots: unconfigured{}, Now: time.Now})
	if _, err := desk.Cancel(t.Context(), s, planned(t, scheduler, "I-1")); err != nil {
		t.Error(err)
	}
	if _, err := desk.Fire(t.Context(), s, planned(t, scheduler, "I-2")); err != nil {
		t.Error(err)
	}
	givenUp(t, broker.JetStream(t, permissiontest.As(permission.WebhookSender)...))
	found, err := resend.Matching(t.Context(), js, outcomes.Query{Owner: "acme", Result: delivery.Parked})
	if err != nil || len(found.Items) != 1 || found.Items[0].Letter == 0 {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := s.Resend(t.Context(), store.Deed{Owner: "acme", Verb: "resend"}, found, func(resend.Tally) {}); err != nil {
		t.Error(err)
	}
	for _, addr := range []string{"ada@example.com", "bob@example.com"} {
		if _, added, err := s.Suppress(t.Context(), "acme", addr); err != nil || !added {
			t.Error(added, err)
		}
	}
	if removed, err := s.Unsuppress(t.Context(), "acme", "ada@example.com"); err != nil || !removed {
		t.Error(removed, err)
	}
	if p, err := suppression.Open(js).Page(t.Context(), "acme", 0, 10); err != nil || len(p.Entries) != 1 {
		t.Errorf("%+v %v", p, err)
	}
	senders(t, broker)
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if r, err := s.TryEndpoint(soon, probe.Question{Owner: "acme", Endpoint: "erp"}); err != nil || r.Refused != nil {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := s.TryMail(soon, probe.MailQuestion{Owner: "acme", SMTP: "main", Connect: true}); err != nil || r.Refused != nil {
		t.Errorf("%+v %v", r, err)
	}
	held, err := s.DeleteOwner(t.Context(), "acme", true)
	if err != nil || held.APIKeys != 1 || held.Queues != 1 || held.Remembered != 2 {
		t.Errorf("%+v %v", held, err)
	}
}
