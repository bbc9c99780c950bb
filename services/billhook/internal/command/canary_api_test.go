package command_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// overTheAPI tries what has secrets by the management API, which sends what it
// says, and puts the answers to what is searched. A receiver that takes it answers
// with all that it was sent.
func (a *app) overTheAPI(t *testing.T, n nest) {
	t.Helper()
	for _, row := range []struct{ path, body, has string }{
		{"/endpoints/partner/test", `{"type": "bill_run.started"}`, `"status":200`},
		{"/endpoints/partner/test", `{"type": "bill_run.started", "subscription": "partner"}`, "certificate of billing"},
		{"/smtp-settings/relay/test", `{"to": "ops@example.com"}`, `{"name":"message"`},
		{"/canned-emails/news/preview", `{"type": "bill_run.started", "to": "ops@example.com"}`, `{"name":"message"`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.http+"/v1/owners/acme"+row.path, strings.NewReader(row.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+n["operator's API key"])
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", row.path+row.body) // the broker then keeps the answer
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		_, _ = a.printed.Write(body)
		if text := string(body); resp.StatusCode != http.StatusOK || !strings.Contains(text, row.has) || strings.Contains(text, `"reason"`) {
			t.Errorf("%s: %d", row.path, resp.StatusCode) // the answer may show what it must not
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
