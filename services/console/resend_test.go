package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
)

// ended records what became of a delivery of an event last.
func (r *rig) ended(t testing.TB, o delivery.Outcome) {
	t.Helper()
	o.Attempt, o.Channel, o.At = 3, delivery.Webhook, time.Now()
	o.Delivery.Owner, o.Delivery.Subscription, o.Delivery.Revision, o.Delivery.EventType = "acme", "hook", 1, "invoice.posted"
	line, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	to := subject.Outcome(o.Channel, o.Result, "acme", "hook")
	if o.Delivery.Account == "in-order" {
		to = subject.OrderedOutcome(o.Channel, o.Result, "acme", "hook")
	}
	r.publish(t, &nats.Msg{Subject: to, Header: nats.Header{settle.HeaderAttempt: {o.Delivery.ID + "/3"}}, Data: line})
}

// failed records a delivery that was given up.
func (r *rig) failed(t testing.TB, id, target string) {
	t.Helper()
	r.ended(t, delivery.Outcome{Delivery: delivery.Reference{ID: id}, Result: delivery.Parked, Reason: "status_503", Target: target})
}

// pending is how many deliveries wait to be sent again.
func (r *rig) pending(t testing.TB) uint64 {
	t.Helper()
	s, err := r.js.Stream(t.Context(), "RETRIES")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

type resending struct {
	Matching, Asked, Pending int
	UnderWay                 int `json:"under_way"`
	Counts                   []struct {
		Count  int
		Target string
	}
}

func (r *rig) resend(t testing.TB, a ask) resending {
	t.Helper()
	a.method = http.MethodPost
	var out resending
	r.do(t, a).want(t, http.StatusOK).into(t, &out)
	return out
}

const matching = "/v1/owners/acme/deliveries/resend"

func sinceAnHour(more string) string {
	return `{"since": "` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"` + more + `}`
}

func TestWhatMatchesIsCountedFirstAndSentAgainOnce(t *testing.T) {
	r := start(t)
	r.fill(t)
	for _, id := range []string{"dlv_a", "dlv_b"} {
		r.failed(t, id, "erp")
	}
	r.failed(t, "dlv_c", "crm")
	r.ended(t, delivery.Outcome{Delivery: delivery.Reference{ID: "dlv_d"}, Result: delivery.Delivered, Target: "erp"})
	r.ended(t, delivery.Outcome{Delivery: delivery.Reference{ID: "dlv_e", Account: "in-order"}, Result: delivery.Retrying, Target: "erp"})
	body := sinceAnHour(`, "result": "parked", "target": "erp"`)
	got := r.resend(t, ask{path: matching + "?dry_run=true", body: body})
	if got.Matching != 2 || got.Asked != 0 || len(got.Counts) != 1 || got.Counts[0].Count != 2 || r.pending(t) != 0 {
		t.Fatalf("%+v, %d wait", got, r.pending(t))
	}
	if got = r.resend(t, ask{path: matching, body: body}); got.Asked != 2 || got.Pending != 0 {
		t.Errorf("%+v", got)
	}
	// One that succeeded too, and what an ordered subscription tries is left alone.
	if got = r.resend(t, ask{path: "/v1/owners/acme/deliveries/dlv_d/resend"}); got.Asked != 1 {
		t.Errorf("%+v", got)
	}
	if got = r.resend(t, ask{path: matching, body: sinceAnHour(`, "result": "retrying"`)}); got.UnderWay != 1 || got.Matching != 0 {
		t.Errorf("%+v", got)
	}
	r.do(t, ask{method: "POST", path: "/v1/owners/acme/deliveries/dlv_e/resend"}).want(t, http.StatusConflict)
	r.do(t, ask{method: "POST", path: "/v1/owners/acme/deliveries/dlv_none/resend"}).want(t, http.StatusNotFound)
	audit := r.do(t, ask{method: "GET", path: "/v1/owners/acme/audit?resource=deliveries"}).want(t, http.StatusOK).body
	if strings.Count(audit, `"verb":"resend"`) != 2 || !strings.Contains(audit, "2 deliveries") || !strings.Contains(audit, `"id":"dlv_d"`) || !strings.Contains(audit, `"role":"admin"`) {
		t.Error(audit)
	}
}

func TestAResendThatIsVagueIsRefused(t *testing.T) {
	r := start(t)
	r.fill(t)
	for _, row := range []struct{ body, pointer, rule string }{
		{`{"result": "parked"}`, "/since", "field.required"},
		{sinceAnHour(""), "/result", "field.required"},
		{sinceAnHour(`, "result": "lost"`), "/result", "result.unknown"},
		{sinceAnHour(`, "result": "parked", "subscription": "a.*"`), "/subscription", "id.form"},
		{sinceAnHour(`, "result": "parked", "until": "2020-01-01T00:00:00Z"`), "/until", "moment.order"},
		{sinceAnHour(`, "result": "parked", "endpoint": "erp"`), "/endpoint", ""},
	} {
		a := r.do(t, ask{method: "POST", path: matching, body: row.body}).want(t, http.StatusUnprocessableEntity)
		if !strings.Contains(a.body, `"pointer":"`+row.pointer+`"`) || !strings.Contains(a.body, row.rule) {
			t.Errorf("%s: %s", row.body, a.body)
		}
	}
}

func TestASubscriberSendsAgainWhatWentToItsOwnEndpoints(t *testing.T) {
	r := start(t)
	r.fill(t)
	r.failed(t, "dlv_a", "erp")
	r.failed(t, "dlv_b", "crm")
	r.ended(t, delivery.Outcome{Delivery: delivery.Reference{ID: "dlv_c", Account: "in-order"}, Result: delivery.Retrying, Target: "crm"})
	_, text, err := r.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Subscriber, Endpoints: []string{"erp"}})
	if err != nil {
		t.Fatal(err)
	}
	key := text.Reveal()
	for _, result := range []string{"parked", "retrying"} {
		got := r.resend(t, ask{path: matching, key: key, body: sinceAnHour(`, "result": "` + result + `"`)})
		if result == "parked" && got.Asked != 1 || result == "retrying" && got.Matching+got.UnderWay != 0 {
			t.Errorf("%s: %+v", result, got)
		}
	}
	for _, foreign := range []string{"dlv_b", "dlv_c"} {
		r.do(t, ask{method: "POST", path: "/v1/owners/acme/deliveries/" + foreign + "/resend", key: key}).want(t, http.StatusNotFound)
	}
}

func TestASubscriptionWithoutOrderIsReplayedFromASequenceOrAMoment(t *testing.T) {
	r := start(t)
	r.fill(t)
	for _, id := range []string{"evt_1", "evt_2", "evt_3"} {
		e := event.Event{
			ID: id, Type: "invoice.posted", Owner: "acme", Account: "A-1", Time: time.Now(),
			Data: event.Values{"Invoice.Total": event.Str("2.50")},
		}
		data, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		r.publish(t, &nats.Msg{Subject: subject.Event(0, "acme", e.Type), Data: data})
	}
	const path = "/v1/owners/acme/subscriptions/hook/replay"
	for from, want := range map[string]int{"2": 2, "beginning": 3, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339): 3} {
		got := r.resend(t, ask{path: path + "?dry_run=true", body: `{"from": "` + from + `"}`})
		if got.Matching != want || got.Asked != 0 || r.pending(t) != 0 {
			t.Errorf("from %s: %+v", from, got)
		}
	}
	if got := r.resend(t, ask{path: path, body: `{"from": "2"}`}); got.Asked != 2 || r.pending(t) != 2 {
		t.Errorf("%+v", got)
	}
	ordered := strings.Replace(path, "hook", "letter", 1)
	r.do(t, ask{method: "POST", path: ordered, body: `{"from": "2"}`}).want(t, http.StatusNoContent)
	r.do(t, ask{method: "POST", path: ordered + "?dry_run=true", body: `{"from": "2"}`}).want(t, http.StatusBadRequest)
	r.do(t, ask{method: "POST", path: path, body: `{"from": "99"}`}).want(t, http.StatusUnprocessableEntity)
	audit := r.do(t, ask{method: "GET", path: "/v1/owners/acme/audit?resource=subscriptions&id=hook"}).want(t, http.StatusOK).body
	if strings.Count(audit, `"verb":"replay"`) != 1 || !strings.Contains(audit, "2 deliveries") {
		t.Error(audit)
	}
}
