package web_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server until the returned function is called, which returns what
// Run did.
func serve(t *testing.T, h http.Handler) (*web.Server, func() error) {
	t.Helper()
	s, err := web.Listen(t.Context(), "127.0.0.1:0", h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	return s, func() error {
		cancel()
		return <-ended
	}
}

// get returns the status of a request with a header of that length.
func get(t *testing.T, s *web.Server, header int) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", header))
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestHeadersAreBoundedAndTheOrdinaryOnesServed(t *testing.T) {
	s, stop := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if code := get(t, s, 1); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	if code := get(t, s, 64<<10); code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of headers: status %d", code)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestARequestUnderWayIsAnsweredBeforeTheEnd(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	s, stop := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(began)
		<-finish
	}))
	code := make(chan int, 1)
	go func() { code <- get(t, s, 1) }()
	<-began
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	select {
	case err := <-ended:
		t.Fatalf("ended before the request: %v", err)
	default:
	}
	close(finish)
	if got := <-code; got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUseIsRefusedAndFreeAfterClose(t *testing.T) {
	s, err := web.Listen(t.Context(), "127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := web.Listen(t.Context(), s.Addr().String(), nil); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("err = %v", err)
	}
	if _, err := web.Listen(t.Context(), "127.0.0.1:99999", nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("err = %v", err)
	}
	s.Close()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func TestALostListenerEndsTheServerWithItsError(t *testing.T) {
	s, err := web.Listen(t.Context(), "127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := s.Run(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("err = %v", err)
	}
}
