package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/apikey"
)

// auditEntry is an entry of the audit as the API shows it.
type auditEntry struct {
	Owner, Verb, Resource, ID, Before, After string
	Secrets                                  []string
	Actor                                    struct{ Kind, ID, Role, Request string }
}

func (r *rig) audit(t testing.TB, query string) []auditEntry {
	t.Helper()
	var list struct{ Items []auditEntry }
	r.do(t, ask{method: "GET", path: "/v1/owners/acme/audit" + query}).want(t, http.StatusOK).into(t, &list)
	return list.Items
}

func TestTheAuditSaysWhoChangedWhatOfTheOwner(t *testing.T) {
	r := start(t)
	made := r.do(t, ask{method: "POST", path: endpoints, body: erp, key: r.keys[apikey.Editor]}).want(t, http.StatusCreated)
	r.do(t, ask{method: "PUT", path: "/v1/owners/other/endpoints/theirs", body: `{"name": "Theirs", "url": "https://a.example.com"}`, key: r.foreign}).want(t, http.StatusCreated)
	r.do(t, ask{method: "PUT", path: "/v1/owners/acme/contact-types/billing", body: `{"name": "Billing", "base": "billing"}`}).want(t, http.StatusCreated)

	for _, e := range r.audit(t, "") {
		if e.Owner != "acme" || e.ID == "theirs" {
			t.Errorf("of another owner: %+v", e)
		}
	}
	// The text of a key says its id: bhk_<owner>.<id>_<secret>.
	_, rest, _ := strings.Cut(r.keys[apikey.Editor], ".")
	editor, _, _ := strings.Cut(rest, "_")
	got := r.audit(t, "?actor="+editor)
	if len(got) != 1 {
		t.Fatalf("the editor's: %+v", got)
	}
	e := got[0]
	if e.Verb != "create" || e.Resource != "endpoints" || e.ID != "erp" || e.Before != "" || e.After == "" ||
		e.Actor.Kind != "key" || e.Actor.Role != "editor" || e.Actor.Request != made.header.Get("X-Request-Id") {
		t.Errorf("%+v", e)
	}
	for query, want := range map[string]int{
		"?resource=endpoints": 1, "?resource=contact-types": 1, "?resource=accounts": 0, "?id=erp": 1, "?id=theirs": 0,
		"?actor=nobody": 0, "?resource=endpoints&id=billing": 0,
	} {
		if got := r.audit(t, query); len(got) != want {
			t.Errorf("%s: %+v, want %d", query, got, want)
		}
	}
}

func TestAKeyThatIsRevokedIsRefused(t *testing.T) {
	r := start(t)
	const path = "/v1/owners/acme/api-keys"
	var made struct {
		ID     string
		Issued struct{ Secret string }
	}
	r.do(t, ask{method: "POST", path: path, body: `{"role": "viewer"}`}).want(t, http.StatusCreated).into(t, &made)
	use := ask{method: "GET", path: endpoints, key: made.Issued.Secret}
	r.do(t, use).want(t, http.StatusOK)
	r.do(t, ask{method: "DELETE", path: path + "/" + made.ID}).want(t, http.StatusNoContent)
	for late := time.Now().Add(time.Minute); ; { // 5 s where no news comes
		if got := r.do(t, use); got.status != http.StatusOK {
			got.want(t, http.StatusUnauthorized)
			return
		}
		if time.Now().After(late) {
			t.Fatal("it still is let in")
		}
	}
}

func TestAMisspeltResourceOfTheAuditIsRefused(t *testing.T) {
	r := start(t)
	got := r.do(t, ask{method: "GET", path: "/v1/owners/acme/audit?resource=endpoint"}).want(t, http.StatusBadRequest)
	if !strings.Contains(got.body, `"pointer":"/resource","rule":"resource.unknown"`) {
		t.Errorf("%s", got.body)
	}
}
