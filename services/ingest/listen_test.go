package ingest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/ingest/internal/inlet"
	"github.com/billhook/billhook/shared/fault"
)

// bare is a service that can only listen.
func bare(address string) *Service {
	return &Service{
		cfg: Config{HTTPAddr: address}, deps: Deps{Logger: zerolog.Nop()},
		inlet: inlet.New(inlet.Deps{Logger: zerolog.Nop(), Now: time.Now}),
	}
}

func post(t *testing.T, address, header string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/v1/owners/acme/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Header", header)
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
	address := l.address.String()
	if code := post(t, address, ""); code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", code)
	}
	if code := post(t, address, strings.Repeat("x", 64<<10)); code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("endless header: %d", code)
	}
	if _, err := bare(address).listen(t.Context()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("listening twice: %v", err)
	}
	l.stop(t.Context(), false)
	again, err := bare(address).listen(t.Context())
	if err != nil {
		t.Fatalf("address is not free again: %v", err)
	}
	again.stop(t.Context(), false)
}

func TestNoAddressMeansNoListener(t *testing.T) {
	l, err := bare("").listen(context.Background())
	if err != nil || l.failed() != nil {
		t.Fatal(l, err)
	}
	l.stop(t.Context(), false)
}
