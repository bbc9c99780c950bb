package console_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/stored"
)

const schedules = "/v1/owners/acme/schedules"

// plan stores a delivered invoice of account A-1 as the scheduler does, with a
// pending plan, and returns the plan's id.
func (r *rig) plan(t testing.TB, owner, invoice string) string {
	t.Helper()
	at, rule := time.Now().UTC(), due.Rule{Days: 3}
	i := &matter.Matter{Owner: owner, Account: "A-1", Name: invoice, Seq: 1, Delivered: 1, DeliveredAt: at}
	i.Replan(matter.Wishes{rule: 0}, matter.Place{Zone: time.UTC}, at)
	if _, err := stored.NewShelf(r.js).Put(t.Context(), book.Entry{Key: matter.Key(owner, "A-1", invoice), Matter: i}); err != nil {
		t.Fatal(err)
	}
	return matter.ID(owner, invoice, rule)
}

func TestPlansAreListedPageByPageAndOnlyToTheirOwner(t *testing.T) {
	r := start(t)
	for i := range 5 {
		r.plan(t, "acme", "I-"+strconv.Itoa(i))
		r.plan(t, "other", "foreign-"+strconv.Itoa(i))
	}
	for query, want := range map[string]int{
		"limit=2": 5, "limit=2&account=A-1": 5, "account=A-2": 0, "invoice=I-3": 1, "invoice=I-3&account=A-1": 1,
		"service=I-3": 0, "kind=delivery&state=pending": 5, "state=fired": 0,
	} {
		var names []string
		for cursor := ""; ; {
			var list struct {
				Items []struct{ Invoice, State string }
				Next  string
			}
			a := r.do(t, ask{method: "GET", path: schedules + "?" + query + cursor}).want(t, http.StatusOK)
			a.into(t, &list)
			for _, item := range list.Items {
				names = append(names, item.Invoice)
			}
			if list.Next == "" {
				break
			}
			cursor = "&cursor=" + list.Next
		}
		if len(names) != want || strings.Contains(strings.Join(names, " "), "foreign") {
			t.Errorf("%s: %v", query, names)
		}
	}
	foreign := r.plan(t, "other", "foreign-9")
	for _, path := range []string{"/" + foreign, "/" + foreign + "/cancel"} {
		method := http.MethodGet
		if strings.HasSuffix(path, "/cancel") {
			method = http.MethodPost
		}
		r.do(t, ask{method: method, path: schedules + path}).want(t, http.StatusNotFound)
	}
}

func TestAPlanIsCancelledOrFiredOnceAndTheAuditSaysByWhom(t *testing.T) {
	r := start(t)
	cancelled, fired := r.plan(t, "acme", "I-1"), r.plan(t, "acme", "I-2")
	for _, row := range []struct {
		method, path, key string
		status            int
		has               string
	}{
		{"POST", "/" + cancelled + "/cancel", "viewer", 403, "denied"},
		{"POST", "/" + cancelled + "/cancel?account=A-2", "editor", 404, "not_found"},
		{"POST", "/" + cancelled + "/cancel?account=A-1", "editor", 200, `"state":"cancelled"`},
		{"POST", "/" + cancelled + "/cancel", "editor", 409, "not pending"},
		{"POST", "/" + cancelled + "/fire", "editor", 409, "not pending"},
		{"POST", "/" + fired + "/fire", "editor", 200, `"state":"pending"`},
		{"GET", "/" + cancelled, "viewer", 200, "cancelled by an operator"},
		{"GET", "/pln_none", "viewer", 404, "not_found"},
		{"GET", "/explain?invoice=I-1&account=A-1", "viewer", 200, "cancelled by an operator"},
		{"GET", "/explain", "viewer", 400, "explain.either"},
		{"GET", "/explain?invoice=I-1&service=S", "viewer", 400, "explain.either"},
		{"GET", "?state=asleep", "viewer", 400, "value.unknown"},
	} {
		for role, key := range r.keys {
			if string(role) != row.key {
				continue
			}
			if a := r.do(t, ask{method: row.method, path: schedules + row.path, key: key}).want(t, row.status); !strings.Contains(a.body, row.has) {
				t.Errorf("%s %s: %s", row.method, row.path, a.body)
			}
		}
	}
	audit := r.do(t, ask{method: "GET", path: "/v1/owners/acme/audit?resource=schedules"}).want(t, http.StatusOK)
	if strings.Count(audit.body, `"verb":`) != 2 || !strings.Contains(audit.body, `"verb":"cancel"`) || !strings.Contains(audit.body, `"verb":"fire"`) ||
		!strings.Contains(audit.body, cancelled) || !strings.Contains(audit.body, `"role":"editor"`) {
		t.Error(audit.body)
	}
}
