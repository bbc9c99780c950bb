package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/suppression"
)

const list = "/v1/owners/acme/suppressions"

func TestTheSuppressionListIsReadAndChangedAndOnRecordWithoutAnAddress(t *testing.T) {
	r := start(t)
	if _, err := suppression.Open(r.js).Add(t.Context(), "acme", suppression.Entry{Address: "reader@example.com", By: suppression.Reader, Since: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		method, path, key string
		status            int
		has               string
	}{
		{"GET", "/Reader@example.com", "viewer", 200, `"by":"reader"`},
		{"PUT", "/Ada%40Example.com", "editor", 201, `{"address":"ada@example.com","by":"operator","since":"20`},
		{"PUT", "/ada@example.com", "editor", 200, `"address":"ada@example.com"`},
		{"PUT", "/a%2Fb@example.com", "editor", 201, `"address":"a/b@example.com"`},
		{"PUT", "/reader@example.com", "editor", 200, `"by":"reader"`},
		{"PUT", "/nobody", "editor", 400, "address.form"},
		{"GET", "/nobody", "viewer", 400, "address.form"},
		{"PUT", "/bob@example.com", "viewer", 403, "denied"},
		{"DELETE", "/ada@example.com", "viewer", 403, "denied"},
		{"GET", "", "publisher", 403, "denied"},
		{"GET", "", "viewer", 200, "ada@example.com"},
		{"DELETE", "/ADA@example.com", "editor", 204, ""},
		{"DELETE", "/ada@example.com", "editor", 404, "not_found"},
		{"GET", "/ada@example.com", "viewer", 404, "not_found"},
	} {
		for role, key := range r.keys {
			if string(role) != row.key {
				continue
			}
			if a := r.do(t, ask{method: row.method, path: list + row.path, key: key}).want(t, row.status); !strings.Contains(a.body, row.has) {
				t.Errorf("%s %s: %s", row.method, row.path, a.body)
			}
		}
	}
	r.do(t, ask{method: "GET", path: list + "/reader@example.com", key: r.foreign}).want(t, http.StatusNotFound)
	audit := r.do(t, ask{method: "GET", path: "/v1/owners/acme/audit?resource=suppressions"}).want(t, http.StatusOK).body
	if strings.Count(audit, `"verb":"create"`) != 2 || strings.Count(audit, `"verb":"delete"`) != 1 || strings.Contains(audit, "example.com") || !strings.Contains(audit, `"role":"editor"`) {
		t.Error(audit)
	}
}

func TestPagesOfTheSuppressionListHaveEachAddressOnce(t *testing.T) {
	r := start(t)
	want := []string{"c@example.com", "a@example.com", "d@example.com", "b@example.com", "e@example.com"}
	for _, addr := range want {
		r.do(t, ask{method: "PUT", path: list + "/" + addr}).want(t, http.StatusCreated)
	}
	var got []string
	for path := list + "?limit=2"; ; {
		var p struct {
			Items []struct{ Address string }
			Next  string
		}
		r.do(t, ask{method: "GET", path: path}).want(t, http.StatusOK).into(t, &p)
		for _, e := range p.Items {
			got = append(got, e.Address)
		}
		if p.Next == "" {
			break
		}
		path = list + "?limit=2&cursor=" + p.Next
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%v, want %v", got, want)
	}
}
