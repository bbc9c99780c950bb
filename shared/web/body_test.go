package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/shared/web"
)

func TestABodyIsOfItsTypeAndSizeOrRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body, media, encoding string
		optional              bool
		status                int // 0 for none
		detail                string
	}{
		"as wanted":         {body: "12345678", media: "application/json; charset=utf-8"},
		"none where it may": {optional: true},
		"none":              {status: http.StatusUnsupportedMediaType, detail: "application/json or text/x"},
		"another type":      {body: "1", media: "text/plain", status: http.StatusUnsupportedMediaType},
		"no type":           {body: "1", optional: true, status: http.StatusUnsupportedMediaType},
		"encoded":           {body: "1", media: "text/x", encoding: "gzip", status: http.StatusUnsupportedMediaType},
		"too large":         {body: strings.Repeat("x", 2049), media: "text/x", status: http.StatusRequestEntityTooLarge, detail: "at most 2 KiB"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.media)
		if c.encoding != "" {
			r.Header.Set("Content-Encoding", c.encoding)
		}
		got, err := web.ReadBody(httptest.NewRecorder(), r, web.Wanted{Media: []string{"application/json", "text/x"}, Most: 2 << 10, Optional: c.optional})
		var p *problem.Problem
		if c.status == 0 {
			if err != nil || string(got) != c.body {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		} else if !errors.As(err, &p) || p.Status != c.status || !strings.Contains(p.Detail, c.detail) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
