package problem_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/problem"
)

func TestAProblemIsAnsweredInFull(t *testing.T) {
	method := problem.New(http.StatusMethodNotAllowed, problem.Method, "this address has other methods")
	method.Allow = "GET, POST"
	for name, row := range map[string]struct {
		problem *problem.Problem
		body    string
		header  map[string]string
	}{
		"nothing": {
			problem.Nothing(),
			`{"type":"about:blank","title":"Not Found","status":404,"code":"not_found","detail":"there is nothing here"}`,
			map[string]string{"Retry-After": "", "Allow": "", "WWW-Authenticate": "", "Cache-Control": "no-store"},
		},
		"a parameter": {
			problem.Parameter("li/mit", "number.range", "must be less"),
			`{"type":"about:blank","title":"Bad Request","status":400,"code":"request","detail":"the request cannot be read as it stands",` +
				`"errors":[{"pointer":"/li~1mit","rule":"number.range","detail":"must be less"}]}`,
			nil,
		},
		"passing": {
			problem.Passing("away", 1500*time.Millisecond),
			`{"type":"about:blank","title":"Service Unavailable","status":503,"code":"unavailable","detail":"away"}`,
			map[string]string{"Retry-After": "2"},
		},
		"another method": {method, "", map[string]string{"Allow": "GET, POST"}},
		"no key":         {problem.New(http.StatusUnauthorized, problem.Key, ""), "", map[string]string{"WWW-Authenticate": `Bearer realm="billhook"`}},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			row.problem.Write(w)
			if w.Code != row.problem.Status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if got := strings.TrimSpace(w.Body.String()); row.body != "" && got != row.body {
				t.Errorf("%s, want %s", got, row.body)
			}
			for key, want := range row.header {
				if got := w.Header().Get(key); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
		})
	}
}
