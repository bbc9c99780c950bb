package allinone_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/billhook/allinone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOneServerAnswersPublishersReadersAndWhoeverAsksForHealth(t *testing.T) {
	cfg, err := allinone.Load([]string{
		"SECRET_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "NATS_ADDR=off", "HTTP_ADDR=127.0.0.1:0", "SYNC=interval",
	})
	if err != nil {
		t.Fatal(err)
	}
	app, err := allinone.Open(t.Context(), cfg, allinone.Place{Store: t.TempDir(), Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		app.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	select {
	case <-app.Ready():
	case <-time.After(2 * time.Minute):
		t.Fatal("not ready")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]struct {
		method, kind string
		status       int
	}{
		"/v1/owners/acme/events": {http.MethodPost, "application/problem+json", http.StatusUnauthorized},
		"/v1//owners":            {http.MethodGet, "application/problem+json", http.StatusNotFound},
		"//v1/owners":            {http.MethodGet, "application/problem+json", http.StatusNotFound},
		"/v1":                    {http.MethodGet, "application/problem+json", http.StatusNotFound},
		"/unsubscribe/x":         {http.MethodGet, "text/html; charset=utf-8", http.StatusNotFound},
		"/readyz":                {http.MethodGet, "", http.StatusOK},
	} {
		req, err := http.NewRequestWithContext(t.Context(), want.method, "http://"+app.HTTPAddr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != want.status || want.kind != "" && kind != want.kind {
			t.Errorf("%s: %d, %s", path, resp.StatusCode, kind)
		}
	}
	t.Run("publishers and readers are refused alike", func(t *testing.T) { refusedAlike(t, "http://"+app.HTTPAddr()+"/v1/owners/acme") })
}

// refusedAlike holds that whoever serves an address, what is wrong in the same
// way is answered the same.
func refusedAlike(t *testing.T, owner string) {
	ask := func(method, path, key string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, owner+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return fmt.Sprintf("%d %s %s %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("WWW-Authenticate"), resp.Header.Get("Cache-Control"), body)
	}
	for _, key := range []string{"", "none", "bhk_acme.0123456789abcdef_" + strings.Repeat("A", 43)} {
		published, read := ask(http.MethodPost, "/events", key), ask(http.MethodGet, "/events", key)
		if published != read || !strings.Contains(read, `"code":"key"`) {
			t.Errorf("with the key %q:\n%s\n%s", key, published, read)
		}
	}
}
