package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/apikey"
)

const acme = "/v1/owners/acme"

func TestAnOwnerIsDeletedByAnOperatorAndKnowinglyOnly(t *testing.T) {
	r := start(t)
	r.fill(t)
	operator := r.keys[apikey.Operator]
	r.do(t, ask{method: "DELETE", path: acme + "?cascade=true"}).want(t, http.StatusForbidden)
	a := r.do(t, ask{method: "DELETE", path: acme, key: operator}).want(t, http.StatusConflict)
	for _, has := range []string{`"pointer":"/endpoints","rule":"owner.in_use"`, `"pointer":"/subscriptions"`, `"pointer":"/api-keys"`, "the owner has 2"} {
		if !strings.Contains(a.body, has) {
			t.Errorf("no %s: %s", has, a.body)
		}
	}
	r.do(t, ask{method: "GET", path: endpoints + "/erp"}).want(t, http.StatusOK)
	r.do(t, ask{method: "DELETE", path: acme + "?cascade=true", key: operator, header: map[string]string{"If-Match": `"99999"`}}).want(t, http.StatusPreconditionFailed)

	a = r.do(t, ask{method: "DELETE", path: acme + "?cascade=true", key: operator}).want(t, http.StatusOK)
	if !strings.Contains(a.body, `"endpoints":1,"subscriptions":2,"queues":1,"api_keys":4`) {
		t.Error(a.body)
	}
	for _, row := range []struct {
		method, path string
		status       int
	}{
		{"GET", acme, 404}, {"GET", endpoints, 404}, {"GET", endpoints + "/erp", 404}, {"DELETE", acme + "?cascade=true", 404},
	} {
		r.do(t, ask{method: row.method, path: row.path, key: operator}).want(t, row.status)
	}
	if list := r.do(t, ask{method: "GET", path: "/v1/owners", key: operator}).want(t, http.StatusOK); strings.Contains(list.body, "acme") {
		t.Error(list.body)
	}
	for _, again := range []ask{
		{method: "PUT", path: acme, body: `{"name": "Acme II"}`, key: operator},
		{method: "POST", path: "/v1/owners", body: `{"id": "acme", "name": "Acme II"}`, key: operator},
	} {
		if a := r.do(t, again).want(t, http.StatusConflict); !strings.Contains(a.body, `"code":"reserved"`) {
			t.Error(a.body)
		}
	}
	// Its keys know nobody any more, and the other owner is as it was.
	if a := r.do(t, ask{method: "GET", path: endpoints}); a.status != http.StatusUnauthorized && a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.do(t, ask{method: "GET", path: "/v1/owners/other/endpoints", key: r.foreign}).want(t, http.StatusOK)
}
