package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/apikey"
)

// TestEveryOperationAnswersEachKeyAsTheTableSays goes through the whole table of
// routes with no key, a wrong one, another owner's, and one of each role.
func TestEveryOperationAnswersEachKeyAsTheTableSays(t *testing.T) {
	r := start(t)
	r.fill(t)
	r.senders(t)
	_, text, err := r.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Subscriber, Endpoints: []string{"erp"}, Queues: []string{"ledger"}})
	if err != nil {
		t.Fatal(err)
	}
	r.keys[apikey.Subscriber] = text.Reveal()
	spec := r.specify(t)
	if len(spec.operations) < 60 {
		t.Fatalf("only %d operations", len(spec.operations))
	}
	wrong := r.keys[apikey.Admin][:len(r.keys[apikey.Admin])-4] + "AAAA"
	for i, o := range spec.operations {
		a := ask{method: o.method, path: o.address(known()), from: fmt.Sprintf("198.51.100.%d:1", i+1)}
		if o.Body != nil {
			a.body = "{}" // it reaches the rules and breaks them
			for media := range o.Body.Content {
				a.header = map[string]string{"Content-Type": media}
			}
		}
		with := func(key string) answer {
			a.key = key
			return r.send(t, a)
		}
		for name, key := range map[string]string{"no key": "", "a wrong key": wrong, "no form of a key": "x"} {
			if got := with(key); got.status != http.StatusUnauthorized {
				t.Errorf("%s with %s: %d %s", o.Name, name, got.status, got.body)
			}
		}
		if strings.Contains(o.path, "{owner}") {
			if got := with(r.foreign); got.status != http.StatusNotFound || strings.Contains(got.body, "erp") {
				t.Errorf("%s with another owner's key: %d %s", o.Name, got.status, got.body)
			}
		}
		for _, role := range apikey.Roles() {
			got := with(r.keys[role])
			allowed := access.Allowed(role, o.Right.Verb, o.Right.Resource)
			if allowed == slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden}, got.status) || got.status >= 500 {
				t.Errorf("%s with the key of a %s: %d %s", o.Name, role, got.status, got.body)
			}
			if why := spec.check(t, &o, got); why != "" {
				t.Errorf("%s: %s", o.Name, why)
			}
		}
	}
}

func TestASubscriberReachesItsOwnEndpointsOnly(t *testing.T) {
	r := start(t)
	r.fill(t)
	r.do(t, ask{method: "PUT", path: endpoints + "/crm", body: `{"name": "CRM", "url": "https://crm.example.com"}`}).want(t, 201)
	_, text, err := r.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Subscriber, Endpoints: []string{"crm"}})
	if err != nil {
		t.Fatal(err)
	}
	key := text.Reveal()
	list := r.do(t, ask{method: "GET", path: endpoints, key: key}).want(t, http.StatusOK)
	if strings.Contains(list.body, "erp") || !strings.Contains(list.body, "crm") {
		t.Error(list.body)
	}
	for _, row := range []struct {
		method, path, body string
		own, foreign       int
	}{
		{"GET", "", "", 200, 404},
		{"GET", "/status", "", 200, 404},
		{"PATCH", "", `{"name": "Mine"}`, 200, 404},
		{"PUT", "", `{"name": "Mine", "url": "https://crm.example.com"}`, 200, 404},
		{"POST", "/rotate-secret", `{"overlap": "1h"}`, 200, 404},
		{"POST", "/disable", "", 204, 404},
		{"POST", "/enable", "", 204, 404},
		{"DELETE", "", "", 403, 403},
	} {
		r.do(t, ask{method: row.method, path: endpoints + "/crm" + row.path, body: row.body, key: key}).want(t, row.own)
		r.do(t, ask{method: row.method, path: endpoints + "/erp" + row.path, body: row.body, key: key}).want(t, row.foreign)
	}
}

func TestASubscriberReachesItsOwnQueuesOnly(t *testing.T) {
	r := start(t)
	r.fill(t)
	const queues = "/v1/owners/acme/queues"
	r.do(t, ask{method: "PUT", path: queues + "/crm", body: `{"name": "CRM", "events": ["invoice.posted"]}`}).want(t, 201)
	// An endpoint has the id of the queue that is not its own.
	r.do(t, ask{method: "PUT", path: endpoints + "/ledger", body: `{"name": "L", "url": "https://crm.example.com"}`}).want(t, 201)
	made := r.do(t, ask{method: "POST", path: "/v1/owners/acme/api-keys", body: `{"role": "subscriber", "queues": ["crm"], "endpoints": ["ledger"]}`}).want(t, 201)
	var shown struct {
		ID     string
		Queues []string
		Issued struct{ Secret string }
	}
	made.into(t, &shown)
	if len(shown.Queues) != 1 || shown.Queues[0] != "crm" {
		t.Error(made.body)
	}
	key := shown.Issued.Secret
	if got := r.send(t, ask{method: "GET", path: queues, key: key}).want(t, 200).body; strings.Contains(got, "ledger") || !strings.Contains(got, "crm") {
		t.Error(got)
	}
	for _, row := range []struct {
		method, body string
		own, foreign int
	}{
		{"GET", "", 200, 404},
		{"PATCH", `{"name": "Mine"}`, 403, 403},
		{"PUT", `{"name": "Mine", "events": ["invoice.posted"]}`, 403, 403},
		{"DELETE", "", 403, 403},
	} {
		r.do(t, ask{method: row.method, path: queues + "/crm", body: row.body, key: key}).want(t, row.own)
		r.do(t, ask{method: row.method, path: queues + "/ledger", body: row.body, key: key}).want(t, row.foreign)
	}
	a := r.do(t, ask{method: "DELETE", path: queues + "/crm"}).want(t, http.StatusConflict)
	if !strings.Contains(a.body, "API key "+shown.ID) {
		t.Error(a.body)
	}
	r.do(t, ask{method: "DELETE", path: "/v1/owners/acme/api-keys/" + shown.ID}).want(t, 204)
	r.do(t, ask{method: "DELETE", path: queues + "/crm"}).want(t, 204)
}

// SMTP settings may be called as an endpoint is, and what was sent by them is no
// matter of the endpoint's subscriber.
func TestASubscriberSeesNoMailThatWasSentBySettingsOfItsEndpointsID(t *testing.T) {
	r := start(t)
	r.fill(t)
	r.happen(t)
	r.do(t, ask{method: "PUT", path: endpoints + "/main", body: `{"name": "Main", "url": "https://crm.example.com"}`}).want(t, 201)
	r.sendMail(t)
	_, text, err := r.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Subscriber, Endpoints: []string{"main", "erp"}})
	if err != nil {
		t.Fatal(err)
	}
	const of = "/v1/owners/acme"
	if got := r.do(t, ask{method: "GET", path: of + "/deliveries"}).want(t, 200); !strings.Contains(got.body, "dlv_mail") {
		t.Fatalf("the mail is not there: %s", got.body)
	}
	got := r.do(t, ask{method: "GET", path: of + "/deliveries", key: text.Reveal()}).want(t, 200)
	if strings.Contains(got.body, "dlv_mail") || !strings.Contains(got.body, "dlv_1") {
		t.Error(got.body)
	}
	if got := r.do(t, ask{method: "GET", path: of + "/parked", key: text.Reveal()}).want(t, 200); strings.Contains(got.body, "dlv_mail") {
		t.Error(got.body)
	}
	r.do(t, ask{method: "GET", path: of + "/deliveries/dlv_mail", key: text.Reveal()}).want(t, 404)
	r.do(t, ask{method: "POST", path: of + "/deliveries/dlv_mail/resend", key: text.Reveal()}).want(t, 404)
}

func TestWhoGuessesIsSlowedDown(t *testing.T) {
	r := start(t)
	got := answer{}
	for range 20 {
		got = r.send(t, ask{method: "GET", path: endpoints, key: "bhk_acme.0123456789abcdef_" + strings.Repeat("A", 43)})
	}
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.status, got.header)
	}
}
