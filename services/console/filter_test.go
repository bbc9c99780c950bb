package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
)

// ids are those of the things that a list has, in its order.
func (r *rig) ids(t testing.TB, a ask) string {
	t.Helper()
	a.method = http.MethodGet
	var list struct{ Items []struct{ ID string } }
	r.do(t, a).want(t, http.StatusOK).into(t, &list)
	var ids []string
	for _, item := range list.Items {
		ids = append(ids, item.ID)
	}
	return strings.Join(ids, " ")
}

func TestEveryFilterNarrowsItsListDown(t *testing.T) {
	r := start(t)
	r.fill(t)
	const of = "/v1/owners/acme"
	for _, m := range []struct{ path, body string }{
		{of + "/endpoints/crm", `{"name": "CRM", "url": "https://crm.example.com", "disabled": true}`},
		{of + "/canned-emails/old", `{"name": "Old", "subject": "s", "text": "t", "to": [{"address": "a@example.org"}], "active": false}`},
		{of + "/subscriptions/off", `{"name": "Off", "events": ["invoice.voided"], "channel": "webhook", "webhook": {"endpoint": "crm"}, "active": false}`},
		{of + "/subscriptions/gone", `{"name": "Gone", "events": ["invoice.voided"], "channel": "webhook", "webhook": {"endpoint": "crm"}}`},
	} {
		r.do(t, ask{method: "PUT", path: m.path, body: m.body}).want(t, http.StatusCreated)
	}
	r.do(t, ask{method: "PUT", path: of + "/queues/idle", body: `{"name": "Idle", "events": ["invoice.voided"], "active": false}`}).want(t, http.StatusCreated)
	r.do(t, ask{method: "DELETE", path: of + "/subscriptions/gone"}).want(t, http.StatusNoContent)
	got, want := map[string]string{}, map[string]string{
		"/subscriptions": "hook letter off", "/subscriptions?name_prefix=Ho": "hook", "/subscriptions?channel=email": "letter",
		"/subscriptions?endpoint=erp": "hook", "/subscriptions?endpoint=crm": "off", "/subscriptions?canned_email=mail": "letter",
		"/subscriptions?canned_email=old": "", "/subscriptions?event=invoice.voided": "off", "/subscriptions?active=false": "off",
		"/subscriptions?active=true": "hook letter", "/subscriptions?active=true&channel=webhook": "hook",
		"/endpoints": "crm erp", "/endpoints?disabled=true": "crm", "/endpoints?disabled=false": "erp", "/endpoints?name_prefix=E": "erp",
		"/canned-emails": "mail old", "/canned-emails?active=true": "mail", "/canned-emails?active=false": "old", "/canned-emails?name_prefix=O": "old",
		"/queues": "idle ledger", "/queues?name_prefix=L": "ledger", "/queues?active=true": "ledger", "/queues?active=false": "idle",
		"/queues?order=ordered": "ledger", "/queues?order=unordered": "idle", "/queues?event=invoice.voided": "idle", "/queues?sort=-id": "ledger idle",
		"/contact-types?name_prefix=B": "billing", "/smtp-settings?name_prefix=R": "main", "/smtp-settings?name_prefix=X": "",
		"/accounts?currency=EUR": "A-1", "/accounts?currency=USD": "", "/accounts?status=none": "", "/accounts?name_prefix=X": "",
	}
	for path := range want {
		got[path] = r.ids(t, ask{path: of + path})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := r.ids(t, ask{path: "/v1/owners?name_prefix=o", key: r.keys[apikey.Operator]}); got != "other" {
		t.Errorf("owners %s", got)
	}
}

// park stores a delivery of acme that was given up, as a sender does.
func (r *rig) park(t testing.TB) {
	t.Helper()
	w := settle.Work{
		Delivery: delivery.Reference{ID: "dlv_9", Owner: "acme", Subscription: "hook", Revision: 1, EventSeq: 1, EventType: "invoice.posted", Account: "A-1"},
		Header:   nats.Header{settle.HeaderReason: {"status_503"}, settle.HeaderTarget: {"erp"}, settle.HeaderAttempt: {"dlv_9/8"}},
	}
	h, data, err := w.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, &nats.Msg{Subject: subject.Parked(delivery.Webhook, "acme", "hook"), Header: h, Data: data})
}

// TestEveryFilterOfWhatHappenedLeavesOut asks for what happened by each filter,
// once as it was and once as it was not.
func TestEveryFilterOfWhatHappenedLeavesOut(t *testing.T) {
	r := start(t)
	r.happen(t)
	r.park(t)
	moment := func(d time.Duration) string { return url.QueryEscape(time.Now().Add(d).UTC().Format(time.RFC3339)) }
	past, future := moment(-time.Hour), moment(time.Hour)
	ofDelivery := map[string][2]string{
		"since": {past, future}, "until": {future, past}, "channel": {"webhook", "email"}, "subscription": {"hook", "other"},
		"target": {"erp", "crm"}, "account": {"A-1", "A-2"},
	}
	for path, filters := range map[string]map[string][2]string{
		"/events": {"since": {past, future}, "until": {future, past}, "type": {"invoice.posted", "invoice.voided"}, "account": {"A-1", "A-2"}},
		"/deliveries": both(ofDelivery, map[string][2]string{
			"result": {"delivered", "parked"}, "event": {"invoice.posted", "invoice.voided"}, "reason": {"", "timeout"},
		}),
		"/parked": both(ofDelivery, map[string][2]string{"reason": {"status_503", "timeout"}}),
	} {
		for name, values := range filters {
			for i, value := range values {
				if value == "" {
					continue
				}
				var list struct{ Items []any }
				r.do(t, ask{method: "GET", path: "/v1/owners/acme" + path + "?" + name + "=" + value}).want(t, http.StatusOK).into(t, &list)
				if len(list.Items) != 1-i {
					t.Errorf("%s with %s %s: %d items", path, name, value, len(list.Items))
				}
			}
		}
	}
}

// both returns the filters of both.
func both(all ...map[string][2]string) map[string][2]string {
	out := map[string][2]string{}
	for _, filters := range all {
		for name, values := range filters {
			out[name] = values
		}
	}
	return out
}

func TestWhoChangesSomethingFindsItInTheLists(t *testing.T) {
	r := start(t)
	r.fill(t)
	const of = "/v1/owners/acme"
	for range 20 {
		r.do(t, ask{method: "POST", path: endpoints + "/erp/disable"}).want(t, http.StatusNoContent)
		if got := r.ids(t, ask{path: endpoints + "?disabled=true"}); got != "erp" {
			t.Fatalf("disabled are %q", got)
		}
		r.do(t, ask{method: "POST", path: endpoints + "/erp/enable"}).want(t, http.StatusNoContent)
		if got := r.ids(t, ask{path: endpoints + "?disabled=true"}); got != "" {
			t.Fatalf("disabled are %q", got)
		}
		file := "kind: endpoint\nowner: acme\nid: crm\nname: CRM\nurl: https://hooks.example.com\n"
		r.do(t, ask{method: "POST", path: of + "/apply", body: file, header: map[string]string{"Content-Type": "application/yaml"}}).want(t, http.StatusOK)
		if got := r.ids(t, ask{path: endpoints}); got != "crm erp" {
			t.Fatalf("there are %q", got)
		}
		r.do(t, ask{method: "DELETE", path: endpoints + "/crm"}).want(t, http.StatusNoContent)
		if got := r.ids(t, ask{path: endpoints}); got != "erp" {
			t.Fatalf("there are %q", got)
		}
	}
}
