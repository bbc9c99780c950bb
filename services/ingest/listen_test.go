package ingest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/services/ingest/internal/inlet"
	"github.com/billhook/billhook/shared/fault"
)

// bare is a service that can only listen.
func bare(address string) *Service {
	return &Service{
		cfg: Config{HTTPAddr: address}, deps: Deps{Logger: zerolog.Nop()},
		inlet: inlet.New(inlet.Deps{Callers: caller.New(caller.Settings{Now: time.Now}), Logger: zerolog.Nop(), Now: time.Now}),
	}
}

func post(t *testing.T, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/v1/owners/acme/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestOwnListenerServesTheInletUntilItIsStopped(t *testing.T) {
	l, err := bare("127.0.0.1:0").listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if code := post(t, address); code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", code)
	}
	if _, err := bare(address).listen(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("listening twice: %v", err)
	}
	if err := l.Stop(false); err != nil {
		t.Error(err)
	}
	again, err := bare(address).listen(t.Context())
	if err != nil {
		t.Fatalf("address is not free again: %v", err)
	}
	if err := again.Stop(false); err != nil {
		t.Error(err)
	}
}

func TestNoAddressMeansNoListener(t *testing.T) {
	l, err := bare("").listen(context.Background())
	if err != nil || l.Failed() != nil {
		t.Fatal(l, err)
	}
	if err := l.Stop(false); err != nil {
		t.Error(err)
	}
}
