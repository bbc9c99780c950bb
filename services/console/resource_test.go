package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const endpoints = "/v1/owners/acme/endpoints"

const erp = `{"id": "erp", "name": "ERP", "url": "https://hooks.example.com/billing"}`

func TestAnEndpointLivesFromCreationToDeletion(t *testing.T) {
	r := start(t)
	made := r.do(t, ask{method: "POST", path: endpoints, body: erp}).want(t, http.StatusCreated)
	if made.header.Get("Location") != endpoints+"/erp" || !strings.Contains(made.body, `"issued":{"secret":"whsec_`) {
		t.Errorf("%v %s", made.header, made.body)
	}
	got := r.do(t, ask{method: "GET", path: endpoints + "/erp"}).want(t, http.StatusOK)
	if got.header.Get("ETag") != made.header.Get("ETag") || strings.Contains(got.body, "whsec_") {
		t.Errorf("%v %s", got.header, got.body)
	}
	r.do(t, ask{method: "GET", path: endpoints + "/erp", header: map[string]string{"If-None-Match": got.header.Get("ETag")}}).want(t, http.StatusNotModified)
	r.do(t, ask{method: "POST", path: endpoints, body: erp}).want(t, http.StatusConflict)

	var list struct {
		Items []struct{ ID, Name string }
		Next  string
	}
	r.do(t, ask{method: "GET", path: endpoints}).want(t, http.StatusOK).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].ID != "erp" || list.Next != "" {
		t.Errorf("%+v", list)
	}

	stale := map[string]string{"If-Match": got.header.Get("ETag")}
	patched := r.do(t, ask{method: "PATCH", path: endpoints + "/erp", body: `{"name": "Other", "in_flight": 3}`, header: stale}).want(t, http.StatusOK)
	if !strings.Contains(patched.body, `"in_flight":3`) || strings.Contains(patched.body, "whsec_") {
		t.Error(patched.body)
	}
	r.do(t, ask{method: "GET", path: endpoints + "/erp", header: map[string]string{"If-None-Match": got.header.Get("ETag")}}).want(t, http.StatusOK)
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		body := erp
		if method == "DELETE" {
			body = ""
		}
		r.do(t, ask{method: method, path: endpoints + "/erp", body: body, header: stale}).want(t, http.StatusPreconditionFailed)
	}
	r.do(t, ask{method: "PUT", path: endpoints + "/erp", body: erp}).want(t, http.StatusOK)
	r.do(t, ask{method: "PUT", path: endpoints + "/crm", body: `{"name": "CRM", "url": "https://crm.example.com"}`}).want(t, http.StatusCreated)
	r.do(t, ask{method: "PUT", path: endpoints + "/erp", body: erp, header: map[string]string{"If-None-Match": "*"}}).want(t, http.StatusConflict)
	r.do(t, ask{method: "PUT", path: endpoints + "/new", body: `{"name": "CRM", "url": "https://crm.example.com"}`, header: map[string]string{"If-Match": "*"}}).want(t, http.StatusPreconditionFailed)
	r.do(t, ask{method: "DELETE", path: endpoints + "/erp"}).want(t, http.StatusNoContent)
	r.do(t, ask{method: "GET", path: endpoints + "/erp"}).want(t, http.StatusNotFound)
	r.do(t, ask{method: "DELETE", path: endpoints + "/erp"}).want(t, http.StatusNotFound)
}

// TestPatchesOfOthersAreNotLost has each of several change a member of its own, all
// at once: a patch that was made on something older would undo the others'.
func TestPatchesOfOthersAreNotLost(t *testing.T) {
	r := start(t)
	r.do(t, ask{method: "POST", path: endpoints, body: erp}).want(t, http.StatusCreated)
	patches := []string{`"name": "N%d"`, `"in_flight": %d`, `"rate_limit": %d`}
	const last = 25
	var all sync.WaitGroup
	for _, patch := range patches {
		all.Go(func() {
			for i := 1; i <= last; i++ {
				body := "{" + fmt.Sprintf(patch, i) + "}"
				// 412 is the answer to who was overtaken again and again.
				for r.do(t, ask{method: "PATCH", path: endpoints + "/erp", body: body}).status == http.StatusPreconditionFailed {
				}
				got := r.do(t, ask{method: "GET", path: endpoints + "/erp"})
				if !strings.Contains(strings.ReplaceAll(got.body, ":", ": "), fmt.Sprintf(patch, i)) {
					t.Errorf("%s is lost: %s", body, got.body)
				}
			}
		})
	}
	all.Wait()
}

func TestWhatBreaksARuleIsRefusedWithItsPlace(t *testing.T) {
	r := start(t)
	r.do(t, ask{method: "POST", path: endpoints, body: erp}).want(t, http.StatusCreated)
	for _, row := range []struct {
		name          string
		ask           ask
		status        int
		pointer, rule string
	}{
		{"no JSON", ask{method: "POST", path: endpoints, body: `{"id"`}, 400, "/id", "json.form"},
		{"unknown member", ask{method: "POST", path: endpoints, body: `{"id": "a", "name": "A", "url": "https://a.example.com", "colour": 1}`}, 422, "/colour", "member.unknown"},
		{"repeated member", ask{method: "POST", path: endpoints, body: `{"id": "a", "id": "a"}`}, 400, "/id", "member.repeated"},
		{"wrong kind", ask{method: "POST", path: endpoints, body: `{"id": "a", "name": 7, "url": "https://a.example.com"}`}, 422, "/name", "document.kind"},
		{"no id", ask{method: "POST", path: endpoints, body: `{"name": "A", "url": "https://a.example.com"}`}, 422, "/id", "id.form"},
		{"another id than the address", ask{method: "PUT", path: endpoints + "/b", body: `{"id": "a", "name": "A", "url": "https://a.example.com"}`}, 422, "/id", "address.other"},
		{"a null that is needed", ask{method: "PATCH", path: endpoints + "/erp", body: `{"name": null}`}, 422, "/name", "text.required"},
		{"a private address", ask{method: "PATCH", path: endpoints + "/erp", body: `{"url": "http://127.0.0.1"}`}, 422, "/url", ""},
		{"unknown parameter", ask{method: "GET", path: endpoints + "?colour=red"}, 400, "/colour", "parameter.unknown"},
		{"limit", ask{method: "GET", path: endpoints + "?limit=0"}, 400, "/limit", "number.range"},
		{"sort", ask{method: "GET", path: endpoints + "?sort=url"}, 400, "/sort", "value.unknown"},
		{"cursor", ask{method: "GET", path: endpoints + "?cursor=x"}, 400, "/cursor", "cursor.form"},
		{"If-Match", ask{method: "DELETE", path: endpoints + "/erp", header: map[string]string{"If-Match": "W/\"1\""}}, 400, "/If-Match", "etag.form"},
		{"media type", ask{method: "POST", path: endpoints, body: erp, header: map[string]string{"Content-Type": "text/plain"}}, 415, "", ""},
		{"no such method", ask{method: "DELETE", path: endpoints}, 405, "", ""},
		{"no such address", ask{method: "GET", path: "/v1/nothing"}, 404, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := r.do(t, row.ask).want(t, row.status)
			if a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("header %v", a.header)
			}
			var p struct {
				Status int
				Code   string
				Errors []struct{ Pointer, Rule string }
			}
			a.into(t, &p)
			if p.Status != row.status || p.Code == "" {
				t.Errorf("%+v", p)
			}
			if row.pointer == "" && row.rule == "" {
				return
			}
			for _, e := range p.Errors {
				if e.Pointer == row.pointer && (row.rule == "" || e.Rule == row.rule) {
					return
				}
			}
			t.Errorf("%s, want %s at %s", a.body, row.rule, row.pointer)
		})
	}
}
