package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/billhook/billhook/shared/web"
)

func TestWhatIsNotInItsShortestFormIsNotThere(t *testing.T) {
	var mux web.Mux
	mux.HandleFunc("/v1/", func(http.ResponseWriter, *http.Request) {})
	for path, want := range map[string]int{
		"/v1/a": 200, "/v1/a/": 200, "/v1/a%2F%2Fb": 404, "/v1/%2e": 404,
		"//v1/a": 404, "/v1//a": 404, "/v1/a//": 404, "/v1/./a": 404, "/v1/b/../a": 404, "/v1/..": 404, "/": 404,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		u, err := url.Parse("http://example.com" + path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
