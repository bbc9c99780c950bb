package probe_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/probe/probetest"
	"github.com/billhook/billhook/streams/subject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// serve answers questions until the test ends.
func serve(t *testing.T, srv *natstest.Server, try func(context.Context, probe.Question) probe.Report) {
	t.Helper()
	probetest.Answer(t, srv.Conn(t), &probe.Answerer[probe.Question, probe.Report]{
		Channel: delivery.Webhook, Try: try, Refuse: probe.Refuse, Log: zerolog.Nop(),
	})
}

func TestAQuestionIsAnsweredByOneOfTheSenders(t *testing.T) {
	srv := natstest.Start(t)
	var mu sync.Mutex
	var asked []probe.Question
	for range 2 {
		serve(t, srv, func(_ context.Context, q probe.Question) probe.Report {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, q)
			return probe.Report{Exchange: probe.Exchange{Reason: "status_500", Timing: probe.Timing{Total: time.Second}}}
		})
	}
	q := probe.Question{Owner: "acme", Endpoint: "crm", EventType: "invoice.posted", Subscription: "s1"}
	got, err := probe.Ask[probe.Report](within(t), probe.Asker{NATS: srv.Conn(t), Channel: delivery.Webhook}, "q1", q)
	if err != nil || got.Reason != "status_500" || got.Timing.Total != time.Second {
		t.Errorf("%+v, %v", got, err)
	}
	if len(asked) != 1 || asked[0] != q {
		t.Errorf("asked %+v", asked)
	}
}

func TestWithoutASenderNobodyIsWaitedFor(t *testing.T) {
	_, err := probe.Ask[probe.Report](within(t), probe.Asker{NATS: natstest.Start(t).Conn(t), Channel: delivery.Webhook}, "q1", probe.Question{})
	if !errors.Is(err, probe.ErrNobody) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestMoreQuestionsThanCanBeAnsweredAreToldToWait(t *testing.T) {
	srv := natstest.Start(t)
	begun, release := make(chan struct{}, 10), make(chan struct{})
	serve(t, srv, func(context.Context, probe.Question) probe.Report {
		begun <- struct{}{}
		<-release
		return probe.Report{}
	})
	asker := probe.Asker{NATS: srv.Conn(t), Channel: delivery.Webhook}
	var all sync.WaitGroup
	for _, id := range []string{"q1", "q2", "q3", "q4"} {
		all.Go(func() {
			if r, err := probe.Ask[probe.Report](within(t), asker, id, probe.Question{}); err != nil || r.Refused != nil {
				t.Errorf("%+v, %v", r, err)
			}
		})
		<-begun
	}
	r, err := probe.Ask[probe.Report](within(t), asker, "q5", probe.Question{})
	if err != nil || r.Refused == nil || r.Refused.Reason != probe.Busy || !r.Refused.Passing {
		t.Errorf("%+v, %v", r, err)
	}
	close(release)
	all.Wait()
}

func TestAQuestionThatCannotBeReadIsRefused(t *testing.T) {
	srv := natstest.Start(t)
	serve(t, srv, func(context.Context, probe.Question) probe.Report {
		t.Error("it was tried")
		return probe.Report{}
	})
	nc := srv.Conn(t)
	sub, err := nc.SubscribeSync(subject.ProbeAnswer(delivery.Webhook, "q1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(subject.ProbeAsk(delivery.Webhook), sub.Subject, []byte("{")); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsgWithContext(within(t))
	if err != nil || string(m.Data) == "" {
		t.Errorf("%v, %v", m, err)
	}
}
