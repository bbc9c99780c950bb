package caller_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// world knows one key.
type world struct {
	now time.Time
	err error
}

const good = "bhk_good"

func (w *world) Authenticate(_ context.Context, text secret.Text) (apikey.Key, error) {
	switch {
	case w.err != nil:
		return apikey.Key{}, w.err
	case text.Reveal() != good:
		return apikey.Key{}, fault.New(fault.Denied, "authenticate", "", nil)
	}
	return apikey.Key{Owner: "acme", ID: "k1", Role: apikey.Viewer}, nil
}

func open() (*caller.Desk, *world) {
	w := &world{now: time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)}
	return caller.New(caller.Settings{
		Keys: w, Now: func() time.Time { return w.now },
		Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, // httptest's client
	}), w
}

// ask identifies a request; headers are pairs.
func ask(d *caller.Desk, headers ...string) (caller.Caller, error) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return d.Identify(r)
}

// status is that of a refusal, 200 for none.
func status(t *testing.T, err error) int {
	t.Helper()
	var refused *caller.Refusal
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if err == nil {
		return http.StatusOK
	}
	return refused.Status
}

func TestACallerIsToldByItsKeyAndItsAddress(t *testing.T) {
	d, _ := open()
	who, err := ask(d, "Authorization", "bearer  "+good, "X-Forwarded-For", "2001:db8::7")
	if err != nil || who.Key.ID != "k1" || who.From != "2001:db8::7" {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestWhoPresentsNoOneKeyIsRefused(t *testing.T) {
	for name, headers := range map[string][]string{
		"nothing":      nil,
		"other scheme": {"Authorization", "Basic " + good},
		"no key":       {"Authorization", "Bearer "},
		"key alone":    {"Authorization", good},
		"two keys":     {"Authorization", "Bearer " + good, "Authorization", "Bearer " + good},
		"endless key":  {"Authorization", "Bearer " + strings.Repeat("x", 1000)},
		"wrong key":    {"Authorization", "Bearer bhk_goof"},
	} {
		d, _ := open()
		if _, err := ask(d, headers...); status(t, err) != http.StatusUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysOutOfReachAreNoWrongKeys(t *testing.T) {
	d, w := open()
	w.err = fault.New(fault.Unavailable, "read key", "", nil)
	for range 20 {
		if _, err := ask(d, "Authorization", "Bearer "+good); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("err = %v", err)
		}
	}
	w.err = nil
	if _, err := ask(d, "Authorization", "Bearer "+good); err != nil {
		t.Error(err)
	}
}

func TestGuessingOfKeysIsSlowedDownByAddress(t *testing.T) {
	d, w := open()
	from := func(address, key string) (int, error) {
		_, err := ask(d, "X-Forwarded-For", "203.0.113.99, "+address, "Authorization", "Bearer "+key)
		return status(t, err), err
	}
	for i := range 10 {
		if code, _ := from("203.0.113.1", "guess"); code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", i, code)
		}
	}
	code, err := from("203.0.113.1", good)
	var refused *caller.Refusal
	if code != http.StatusTooManyRequests || !errors.As(err, &refused) || refused.RetryAfter != 6*time.Second {
		t.Errorf("eleventh try: %d, %v", code, err)
	}
	if code, _ := from("203.0.113.2", good); code != http.StatusOK {
		t.Errorf("another address: %d", code)
	}
	w.now = w.now.Add(6 * time.Second)
	if code, _ := from("203.0.113.1", good); code != http.StatusOK {
		t.Errorf("after a pause: %d", code)
	}
}

func TestAddressesOfOneNetworkAreOneGuesser(t *testing.T) {
	d, _ := open()
	var err error
	for i := range 11 {
		_, err = ask(d, "X-Forwarded-For", fmt.Sprintf("2001:db8::%d", i), "Authorization", "Bearer guess")
	}
	if status(t, err) != http.StatusTooManyRequests {
		t.Errorf("eleventh address of a /64: %v", err)
	}
}

func TestForwardedAddressOfAStrangerIsNotBelieved(t *testing.T) {
	d, _ := open()
	var err error
	for i := range 11 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "198.51.100.7:1234"
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
		r.Header.Set("Authorization", "Bearer guess")
		_, err = d.Identify(r)
	}
	if status(t, err) != http.StatusTooManyRequests {
		t.Errorf("eleventh guess of a stranger: %v", err)
	}
}
