package mailer

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
)

// bare is a service that can only listen.
func bare(t *testing.T, base, address string) *Service {
	t.Helper()
	key, err := secret.ParseKey("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := secret.NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Service{
		cfg: Config{UnsubscribeURL: base, HTTPAddr: address}, deps: Deps{Logger: zerolog.Nop()},
		readers: unsubscribe.NewDesk(unsubscribe.Parts{Links: unsubscribe.NewLinks(sealer, base), Log: zerolog.Nop(), Now: time.Now}),
	}
}

func TestAMailerThatMakesLinksAnswersThem(t *testing.T) {
	l, err := bare(t, "https://mail.example.com", "127.0.0.1:0").listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+Path+"x", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusNotFound || resp.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("a link of nobody: %d, %v", resp.StatusCode, resp.Header)
	}
	if _, err := bare(t, "https://mail.example.com", l.Addr().String()).listen(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("listening twice: %v", err)
	}
	if err := l.Stop(false); err != nil {
		t.Error(err)
	}
}

func TestAMailerWithoutLinksListensNowhere(t *testing.T) {
	for base, address := range map[string]string{"": "127.0.0.1:0", "https://mail.example.com": ""} {
		if l, err := bare(t, base, address).listen(context.Background()); err != nil || l != nil {
			t.Errorf("%q at %q: %v, %v", base, address, l, err)
		}
	}
}

func TestTheSettingsOfLinksAreChecked(t *testing.T) {
	var c Config
	if err := process.Load([]string{"UNSUBSCRIBE_URL=http://mail.example.com", "MAILER_HTTP_ADDR=here"}, &c); err == nil ||
		!strings.Contains(err.Error(), "UNSUBSCRIBE_URL") || !strings.Contains(err.Error(), "MAILER_HTTP_ADDR") {
		t.Errorf("%v", err)
	}
	if err := process.Load([]string{"UNSUBSCRIBE_URL=https://mail.example.com/unsubscribe"}, &c); err != nil {
		t.Error(err)
	}
}
