package endpoint_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/shared/backoff"
)

func TestEndpoints(t *testing.T) {
	base := "https://hooks.example.com/"
	for _, row := range []struct {
		name   string
		change func(*endpoint.Spec)
		want   string // pointer of the first problem, "" when legal
	}{
		{"least", func(*endpoint.Spec) {}, ""},
		{"longest URL", func(s *endpoint.Spec) { s.URL = base + strings.Repeat("a", 2048-len(base)) }, ""},
		{"longer URL", func(s *endpoint.Spec) { s.URL = base + strings.Repeat("a", 2049-len(base)) }, "/url"},
		{"http", func(s *endpoint.Spec) { s.URL = "http://hooks.example.com/" }, "/url"},
		{"port", func(s *endpoint.Spec) { s.URL = "https://hooks.example.com:8443/" }, "/url"},
		{"default port", func(s *endpoint.Spec) { s.URL = "https://hooks.example.com:443/" }, ""},
		{"address", func(s *endpoint.Spec) { s.URL = "https://0x7f.1/" }, "/url"},
		{"no URL", func(s *endpoint.Spec) { s.URL = "" }, "/url"},
		{"in flight", func(s *endpoint.Spec) { s.InFlight = 1001 }, "/in_flight"},
		{"rate limit below a request in ten seconds", func(s *endpoint.Spec) { s.RateLimit = 0.09 }, "/rate_limit"},
		{"rate limit above 10,000", func(s *endpoint.Spec) { s.RateLimit = 10_000.5 }, "/rate_limit"},
		{"negative rate limit", func(s *endpoint.Spec) { s.RateLimit = -1 }, "/rate_limit"},
		{"negative in flight", func(s *endpoint.Spec) { s.InFlight = -1 }, "/in_flight"},
		{"no attempts", func(s *endpoint.Spec) { s.Retry = backoff.Schedule{} }, "/retry"},
		{"negative delay", func(s *endpoint.Spec) { s.Retry = backoff.Schedule{0, -time.Second} }, "/retry/1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := endpoint.Spec{ID: "a", Name: "A", URL: base}
			row.change(&s)
			problems := s.Check()
			if row.want == "" && len(problems) > 0 || row.want != "" && (len(problems) == 0 || problems[0].Pointer != row.want) {
				t.Errorf("problems = %v, want %q", problems, row.want)
			}
			if row.want == "" && (s.InFlight != 32 || len(s.Retry) != 10 || strings.Contains(s.URL, ":443")) {
				t.Errorf("not in its stored form: %+v", s)
			}
		})
	}
}

func TestASigningSecretHasTheFormOfStandardWebhooks(t *testing.T) {
	s, err := endpoint.NewSigningSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(s.Reveal(), "whsec_")
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) != 32 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

func TestASecretLivesUntilItsEnd(t *testing.T) {
	end := time.Unix(100, 0)
	e := endpoint.Endpoint{Secrets: []endpoint.Secret{{ID: "2"}, {ID: "1", Until: end}}}
	if n := len(e.Live(end.Add(-time.Second))); n != 2 {
		t.Errorf("%d before the end", n)
	}
	if n := len(e.Live(end)); n != 1 {
		t.Errorf("%d at the end", n)
	}
}
