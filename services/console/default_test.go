package console_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestThereIsADefaultAsLongAsThereAreSettings(t *testing.T) {
	r := start(t)
	const path = "/v1/owners/acme/smtp-settings"
	for _, id := range []string{"first", "second"} {
		r.do(t, ask{method: "PUT", path: path + "/" + id, body: `{"name": "S", "host": "mail.example.com", "from_address": "a@example.com"}`}).want(t, http.StatusCreated)
	}
	defaults := func() string {
		var list struct {
			Items []struct {
				ID      string
				Default bool
			}
		}
		r.do(t, ask{method: "GET", path: path}).want(t, http.StatusOK).into(t, &list)
		ids := ""
		for _, item := range list.Items {
			if item.Default {
				ids += item.ID
			}
		}
		return ids
	}
	if got := defaults(); got != "first" {
		t.Errorf("the default is %q", got)
	}
	refused := r.do(t, ask{method: "DELETE", path: path + "/first"}).want(t, http.StatusConflict)
	if !strings.Contains(refused.body, "smtp.default") {
		t.Error(refused.body)
	}
	r.do(t, ask{method: "POST", path: path + "/second/make-default"}).want(t, http.StatusOK)
	if got := defaults(); got != "second" {
		t.Errorf("the default is %q", got)
	}
	r.do(t, ask{method: "DELETE", path: path + "/first"}).want(t, http.StatusNoContent)
	r.do(t, ask{method: "DELETE", path: path + "/second"}).want(t, http.StatusNoContent)
}
