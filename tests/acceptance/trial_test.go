package acceptance_test

import (
	"bytes"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// tried has the services that send try out what is configured, over the API: what
// they say that they sent arrives.
func (c *changing) tried(t *testing.T) {
	try := func(path, body string) string {
		t.Helper()
		return c.ask(t, request{http.MethodPost, path, "application/json", body})
	}
	if got := try("endpoints/crm/test", `{"type": "account.created", "subscription": "hook"}`); !strings.Contains(got, `"status":204`) || strings.Contains(got, c.secret) {
		t.Errorf("the receiver did not take it: %s", got)
	}
	select {
	case r := <-c.webhooks:
		if r.Verified != nil || r.Header.Get("Billhook-Test") != "true" {
			t.Errorf("%v %v", r.Verified, r.Header)
		}
	case <-time.After(time.Minute):
		t.Error("no webhook for a minute")
	}
	for _, row := range []struct{ path, body, subject string }{
		{"smtp-settings/relay/test", `{"to": "archive@acme-telecom.com"}`, "Test of the SMTP settings relay"},
		{"canned-emails/letter/preview", `{"type": "account.updated", "to": "archive@acme-telecom.com"}`, "mark2"},
	} {
		if got := try(row.path, row.body); !strings.Contains(got, `"name":"message"`) || strings.Contains(got, `"reason"`) || !strings.Contains(got, row.subject) {
			t.Errorf("%s: %s", row.path, got)
		}
		select {
		case caught := <-c.mails:
			m, err := mail.ReadMessage(bytes.NewReader(caught.Data))
			if err != nil || m.Header.Get("Subject") != row.subject {
				t.Errorf("%s: %v, %v", row.path, m, err)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s: no mail for a minute", row.path)
		}
	}
}
