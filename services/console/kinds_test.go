package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// made are documents of every kind, in an order in which they can be made.
func made() []struct{ path, body string } {
	const of = "/v1/owners/acme"
	return []struct{ path, body string }{
		{of + "/contact-types", `{"id": "billing", "name": "Billing", "base": "billing"}`},
		{of + "/contact-types", `{"id": "shipping", "name": "Shipping", "base": "shipping"}`},
		{of + "/accounts", `{"id": "A-1", "name": "Northwind", "currency": "EUR", "balance": "1234.50"}`},
		{of + "/accounts/A-1/contacts", `{"id": "c1", "type": "billing", "email": "ada@example.org"}`},
		{of + "/smtp-settings", `{"id": "main", "name": "Relay", "host": "mail.example.com", "from_address": "billing@example.com", "username": "u", "password": "canary-password"}`},
		{of + "/canned-emails", `{"id": "mail", "name": "Mail", "subject": "{{Invoice.Number}}", "text": "Hello", "to": [{"contact_type": "billing"}]}`},
		{of + "/endpoints", `{"id": "erp", "name": "ERP", "url": "https://hooks.example.com", "auth": {"scheme": "bearer"}, "auth_secret": "canary-auth", "headers": [{"name": "X-Key", "value": "canary-header", "secret": true}]}`},
		{of + "/subscriptions", `{"id": "hook", "name": "Hook", "events": ["invoice.posted"], "filter": {"Invoice.Total": [{"numeric": [">=", 1.50]}]}, "channel": "webhook", "webhook": {"endpoint": "erp"}}`},
		{of + "/subscriptions", `{"id": "letter", "name": "Letter", "events": ["invoice.posted"], "channel": "email", "email": {"canned_email": "mail"}, "order": "ordered_by_account"}`},
		{of + "/queues", `{"id": "ledger", "name": "Ledger", "events": ["invoice.posted"], "filter": {"Invoice.Total": [{"numeric": [">=", 1.50]}]}, "order": "ordered", "start": "beginning"}`},
	}
}

// fill makes one of every kind.
func (r *rig) fill(t testing.TB) {
	t.Helper()
	for _, m := range made() {
		r.do(t, ask{method: "POST", path: m.path, body: m.body}).want(t, http.StatusCreated)
	}
	r.do(t, ask{method: "PUT", path: suppressed}).want(t, http.StatusCreated)
}

// suppressed is where an address is that [rig.fill] puts on the list.
const suppressed = "/v1/owners/acme/suppressions/ada@example.com"

func TestEveryKindIsMadeReadChangedAndDeleted(t *testing.T) {
	r := start(t)
	r.fill(t)
	all := made()
	for i := len(all) - 1; i >= 0; i-- {
		var doc struct{ ID string }
		answer{body: all[i].body}.into(t, &doc)
		at := all[i].path + "/" + doc.ID
		t.Run(at, func(t *testing.T) {
			got := r.do(t, ask{method: "GET", path: at}).want(t, http.StatusOK)
			var list struct{ Items []map[string]any }
			r.do(t, ask{method: "GET", path: all[i].path}).want(t, http.StatusOK).into(t, &list)
			var one map[string]any
			got.into(t, &one)
			found := false
			for _, item := range list.Items {
				found = found || cmp.Equal(item, one)
			}
			if !found {
				t.Errorf("the list has not %v but %v", one, list.Items)
			}
			r.do(t, ask{method: "PATCH", path: at, body: `{}`}).want(t, http.StatusOK)
			again := r.do(t, ask{method: "GET", path: at}).want(t, http.StatusOK)
			if again.header.Get("ETag") != got.header.Get("ETag") || again.body != got.body {
				t.Errorf("an empty patch changed it: %s", cmp.Diff(got.body, again.body))
			}
			r.do(t, ask{method: "PUT", path: at, body: strings.TrimSpace(got.body)}).want(t, http.StatusOK)
			r.do(t, ask{method: "DELETE", path: at, header: map[string]string{"If-Match": again.header.Get("ETag")}}).want(t, http.StatusNoContent)
			r.do(t, ask{method: "GET", path: at}).want(t, http.StatusNotFound)
		})
	}
	if strings.Contains(r.log.String(), "error") {
		t.Error(r.log.String())
	}
}

func TestWhatIsUsedCannotBeDeleted(t *testing.T) {
	r := start(t)
	r.fill(t)
	for _, at := range []string{"/contact-types/billing", "/canned-emails/mail", "/endpoints/erp", "/smtp-settings/main"} {
		a := r.do(t, ask{method: "DELETE", path: "/v1/owners/acme" + at}).want(t, http.StatusConflict)
		if !strings.Contains(a.body, "in_use") {
			t.Error(a.body)
		}
	}
}

func TestNoAnswerHasAStoredSecret(t *testing.T) {
	r := start(t)
	r.fill(t)
	const of = "/v1/owners/acme"
	for _, path := range []string{
		"/endpoints", "/endpoints/erp", "/smtp-settings", "/smtp-settings/main", "/api-keys", "/audit", "/endpoints/erp/status",
	} {
		a := r.do(t, ask{method: "GET", path: of + path}).want(t, http.StatusOK)
		for _, canary := range []string{"canary", "whsec_", "bhk_", "sealed", "hash\""} {
			if strings.Contains(a.body, canary) {
				t.Errorf("%s has %q: %s", path, canary, a.body)
			}
		}
	}
	rotated := r.do(t, ask{method: "POST", path: of + "/endpoints/erp/rotate-secret", body: `{"overlap": "1h"}`}).want(t, http.StatusOK)
	if !strings.Contains(rotated.body, "whsec_") || strings.Contains(rotated.body, "canary") {
		t.Error(rotated.body)
	}
}

func TestPagesTogetherHaveEveryThingOnce(t *testing.T) {
	r := start(t)
	const n = 25
	for i := range n {
		r.do(t, ask{method: "PUT", path: fmt.Sprintf("%s/e%02d", endpoints, i), body: fmt.Sprintf(`{"name": "N%02d", "url": "https://a.example.com"}`, n-i)}).want(t, 201)
		r.do(t, ask{method: "PUT", path: fmt.Sprintf("/v1/owners/acme/accounts/a%02d", i), body: fmt.Sprintf(`{"name": "N%02d", "status": "s%d"}`, i, i%2)}).want(t, 201)
	}
	for _, row := range []struct {
		query, first, last string
		want               int
	}{
		{"/endpoints?limit=4", "e00", "e24", n},
		{"/endpoints?limit=25", "e00", "e24", n},
		{"/endpoints?limit=7&sort=-id", "e24", "e00", n},
		{"/endpoints?limit=7&sort=name", "e24", "e00", n},
		{"/endpoints?limit=3&name_prefix=N1", "e06", "e15", 10},
		{"/accounts?limit=4", "a00", "a24", n},
		{"/accounts?limit=25", "a00", "a24", n},
		{"/accounts?limit=2&status=s1", "a01", "a23", 12},
		{"/accounts?limit=2&name_prefix=N2", "a20", "a24", 5},
		{"/accounts?status=none", "", "", 0},
	} {
		t.Run(row.query, func(t *testing.T) {
			var ids []string
			seen := map[string]bool{}
			for cursor := ""; ; {
				var list struct {
					Items []struct{ ID string }
					Next  string
				}
				path := "/v1/owners/acme" + row.query
				if cursor != "" {
					path += "&cursor=" + cursor
				}
				r.do(t, ask{method: "GET", path: path}).want(t, http.StatusOK).into(t, &list)
				for _, item := range list.Items {
					if seen[item.ID] {
						t.Errorf("%s twice", item.ID)
					}
					seen[item.ID] = true
					ids = append(ids, item.ID)
				}
				if cursor = list.Next; cursor == "" {
					break
				}
			}
			if len(ids) != row.want {
				t.Fatalf("%d items: %v", len(ids), ids)
			}
			if row.want > 0 && (ids[0] != row.first || ids[len(ids)-1] != row.last) {
				t.Errorf("from %s to %s", ids[0], ids[len(ids)-1])
			}
		})
	}
}

func TestAManifestIsAppliedAsAWhole(t *testing.T) {
	r := start(t)
	const path = "/v1/owners/acme/apply"
	yaml := map[string]string{"Content-Type": "application/yaml"}
	good := "kind: endpoint\nowner: acme\nid: erp\nname: ERP\nurl: https://hooks.example.com\n---\nkind: contact-type\nowner: acme\nid: billing\nname: Billing\nbase: billing\n"
	a := r.do(t, ask{method: "POST", path: path + "?dry_run=true", body: good, header: yaml}).want(t, http.StatusOK)
	if strings.Contains(a.body, "whsec_") {
		t.Error(a.body)
	}
	r.do(t, ask{method: "GET", path: endpoints + "/erp"}).want(t, http.StatusNotFound)
	a = r.do(t, ask{method: "POST", path: path, body: good, header: yaml}).want(t, http.StatusOK)
	if !strings.Contains(a.body, "whsec_") {
		t.Error(a.body)
	}
	r.do(t, ask{method: "GET", path: endpoints + "/erp"}).want(t, http.StatusOK)
	for _, row := range []struct {
		name, body, key, want string
		status                int
	}{
		{"a rule", "kind: endpoint\nowner: acme\nid: b\nname: B\nurl: nowhere\n", "", `"pointer":"/0/url"`, 422},
		{"a rule of queues", "kind: queue\nowner: acme\nid: b\nname: B\nevents: [invoice.posted]\norder: ordered_by_account\n", "", `"pointer":"/0/order"`, 422},
		{"another owner", "kind: endpoint\nowner: other\nid: b\nname: B\nurl: https://b.example.com\n", "", "address.other", 422},
		{"no YAML", "\t", "", "", 422},
		{"what the role may not change", "kind: owner\nid: acme\nname: B\n", r.keys["editor"], "denied", 403},
		{"a secret of the machine", "kind: smtp-settings\nowner: acme\nid: b\nname: B\nhost: m.example.com\nfrom_address: a@example.com\npassword_env: HOME\n", "", "secret.reference", 422},
	} {
		a := r.do(t, ask{method: "POST", path: path, body: row.body, key: row.key, header: yaml}).want(t, row.status)
		if !strings.Contains(a.body, row.want) {
			t.Errorf("%s: %s", row.name, a.body)
		}
	}
}
