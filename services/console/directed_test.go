package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/document"
)

// directed sends, to every operation, a request for each of the refusals that
// the document says, and one that succeeds.
func (u *run) directed(t *testing.T) {
	t.Helper()
	// What is read: an event, an attempt and a key.
	u.rig.happen(t)
	for i := range u.spec.operations {
		o := &u.spec.operations[i]
		if o.method != http.MethodDelete {
			u.succeed(t, o)
		}
		u.refused(t, o)
	}
	for i := range slices.Backward(u.spec.operations) {
		if o := &u.spec.operations[i]; o.method == http.MethodDelete {
			u.succeed(t, o)
			u.refill(t)
		}
	}
}

// succeed sends what is to succeed.
func (u *run) succeed(t *testing.T, o *operation) {
	t.Helper()
	a := u.valid(o)
	switch o.Name {
	case "deleteContactType", "deleteEndpoint", "deleteCannedEmail", "deleteSMTPSettings":
		a.path = u.unused(t, o)
	case "deleteOwner":
		a.path = u.owner(t, fmt.Sprintf("gone%d", u.all)) + "?cascade=true"
	case "revokeAPIKey":
		k, _, err := u.rig.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		a.path = strings.Replace(a.path, "none", k.ID, 1)
	case "getSchedule", "cancelSchedule", "fireSchedule":
		a.path = strings.Replace(a.path, "pln_none", u.rig.plan(t, "acme", fmt.Sprintf("I-%d", u.all)), 1)
	case "getDelivery", "resendDelivery":
		a.path = strings.Replace(a.path, "dlv_none", "dlv_1", 1)
	}
	u.send(t, o, a)
}

// unused makes one of what an operation deletes, which nothing uses, and returns
// where it is.
func (u *run) unused(t *testing.T, o *operation) string {
	t.Helper()
	name := strings.Replace(o.Name, "delete", "create", 1)
	create := &u.spec.operations[slices.IndexFunc(u.spec.operations, func(c operation) bool { return c.Name == name })]
	return u.send(t, create, u.valid(create)).header.Get("Location")
}

// owner makes an owner that has an endpoint, and returns where it is.
func (u *run) owner(t *testing.T, id string) string {
	t.Helper()
	path := "/v1/owners/" + id
	for _, m := range []struct{ path, body string }{
		{path, `{"name": "Gone"}`}, {path + "/endpoints/erp", `{"name": "ERP", "url": "https://a.example.com"}`},
	} {
		u.rig.do(t, ask{method: "PUT", path: m.path, body: m.body, key: u.rig.keys[apikey.Operator]}).want(t, http.StatusCreated)
	}
	return path
}

// refused sends a request for each refusal.
func (u *run) refused(t *testing.T, o *operation) {
	t.Helper()
	try := func(change func(*ask)) {
		a := u.valid(o)
		change(&a)
		u.send(t, o, a)
	}
	try(func(a *ask) { a.key = "" })
	try(func(a *ask) { a.path = with(a.path, "unknown=1") })
	try(func(a *ask) { a.path = strings.NewReplacer("acme", "no.body", "leaving", "no.body").Replace(a.path) })
	for _, role := range apikey.Roles() {
		if key := u.rig.keys[role]; key != "" && !access.Allowed(role, o.Right.Verb, o.Right.Resource) {
			try(func(a *ask) { a.key, a.path = key, strings.Replace(a.path, "leaving", "acme", 1) })
			break
		}
	}
	if o.Body != nil {
		try(func(a *ask) { a.header["Content-Type"] = "text/plain" })
		try(func(a *ask) { a.body = `{"unknown": 1}` })
		try(func(a *ask) { a.body = strings.Repeat(" ", document.MaxBytes+1) })
	}
	if o.takes("If-Match") {
		try(func(a *ask) {
			switch a.header["If-Match"] = `"9999999"`; {
			case o.Name == "deleteOwner":
				a.path = u.owner(t, fmt.Sprintf("gone%d", u.all)) + "?cascade=true"
			case strings.HasPrefix(o.Name, "delete") && o.Name != "deleteContact":
				a.path = u.unused(t, o)
			}
		})
		try(func(a *ask) { a.header["If-None-Match"] = "*" })
	}
	if strings.HasSuffix(o.path, "/pause") || strings.HasSuffix(o.path, "/resume") || strings.HasSuffix(o.path, "/skip") || strings.HasSuffix(o.path, "/replay") {
		try(func(a *ask) { a.path = strings.Replace(a.path, "letter", "hook", 1) })
	}
	if o.Name == "resendDelivery" { // another request with the same key
		for _, query := range []string{"", "?since=2026-11-01T00:00:00Z"} {
			try(func(a *ask) {
				a.header["Idempotency-Key"] = "again"
				a.path = strings.Replace(a.path, "dlv_none", "dlv_1", 1) + query
			})
		}
	}
	if o.Name == "cancelSchedule" || o.Name == "fireSchedule" {
		plan := u.rig.plan(t, "acme", fmt.Sprintf("I-%d", u.all))
		u.rig.do(t, ask{method: "POST", path: schedules + "/" + plan + "/cancel"}).want(t, http.StatusOK)
		try(func(a *ask) { a.path = strings.Replace(a.path, "pln_none", plan, 1) })
	}
}
