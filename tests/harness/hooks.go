package harness

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/billhook/billhook/services/billhook/authority"
)

// HooksHost is the name of the receiver of [Hooks].
const HooksHost = "hooks.example.com"

// Hook is a webhook as it came in.
type Hook struct {
	// Door is the number of the address that it came to.
	Door int
	Path string
	// ID is the header webhook-id, Sequence the header billhook-sequence, 0
	// without it.
	ID       string
	Sequence int
	// Event and Account are what the body says; Body is all of it.
	Event, Account string
	Body           string
	// Flaw is why the request is not as it should be: the signature is wrong,
	// or the body cannot be read.
	Flaw error
	// Accepted is whether the answer is a 2xx.
	Accepted bool
	At       time.Time
}

// Answer is how the receiver answers: with a status, once Hold is closed where
// it is set.
type Answer struct {
	Status int
	Hold   <-chan struct{}
}

// Hooks is an HTTPS receiver that verifies webhooks with the public library and
// answers as the test wants. It has several addresses, so that a test can tell
// which of several senders a request is from.
type Hooks struct {
	ca    *authority.Authority
	doors []*httptest.Server

	mu     sync.Mutex
	got    []Hook
	judges map[string]*standardwebhooks.Webhook
	answer func(Hook) Answer
}

// OpenHooks opens a receiver with so many doors. It ends with the test.
func OpenHooks(t testing.TB, doors int) *Hooks {
	t.Helper()
	h := &Hooks{judges: map[string]*standardwebhooks.Webhook{}}
	var err error
	if h.ca, err = authority.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	cert, err := h.ca.Issue(HooksHost)
	if err != nil {
		t.Fatal(err)
	}
	for door := range doors {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, door) }))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		h.doors = append(h.doors, s)
	}
	return h
}

// Environ returns the development settings by which a sender comes to a door.
func (h *Hooks) Environ(t testing.TB, door int) []string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, h.ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"DEVELOPMENT=true", "HOST_OVERRIDES=" + HooksHost + "=" + h.doors[door].Listener.Addr().String(), "ROOT_CA_FILE=" + root,
	}
}

// Expect has requests to a path verified with a secret.
func (h *Hooks) Expect(t testing.TB, path, secret string) {
	t.Helper()
	judge, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judges[path] = judge
}

// Answers sets what is answered from now on; without it, and for a status of 0,
// it is 204. The function is called for one request after another, in the order
// in which Got has them.
func (h *Hooks) Answers(f func(Hook) Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

// Got are all webhooks that came in so far, in their order. The caller must not
// change them.
func (h *Hooks) Got() []Hook {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clip(h.got)
}

// Until waits until what came in is enough, and returns it. It looks now and
// then: at each of thousands, it would cost more than what is looked at.
func (h *Hooks) Until(t testing.TB, what string, enough func([]Hook) bool) []Hook {
	t.Helper()
	late := time.After(patience)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		got := h.Got()
		if enough(got) {
			return got
		}
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("gave up waiting for %s with %d webhooks", what, len(got))
		}
	}
}

const (
	// patience bounds every wait; nothing waits as long unless it fails.
	patience = 4 * time.Minute
	// lookEvery is how often what came in is looked at.
	lookEvery = 20 * time.Millisecond
)

func (h *Hooks) serve(w http.ResponseWriter, r *http.Request, door int) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever sent it is gone
	}
	hook := Hook{Door: door, Path: r.URL.Path, ID: r.Header.Get("webhook-id"), Body: string(body), At: time.Now()}
	hook.Sequence, _ = strconv.Atoi(r.Header.Get("billhook-sequence"))
	var said struct{ ID, Account string }
	hook.Flaw = json.Unmarshal(body, &said)
	hook.Event, hook.Account = said.ID, said.Account
	a := h.note(hook, r.Header)
	if a.Hold != nil {
		<-a.Hold
	}
	w.WriteHeader(a.Status)
}

// note keeps a webhook and decides on its answer.
func (h *Hooks) note(hook Hook, header http.Header) Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if judge := h.judges[hook.Path]; judge != nil && hook.Flaw == nil {
		hook.Flaw = judge.Verify([]byte(hook.Body), header)
	}
	a := Answer{}
	if h.answer != nil {
		a = h.answer(hook)
	}
	if a.Status == 0 {
		a.Status = http.StatusNoContent
	}
	hook.Accepted = a.Status/100 == 2
	h.got = append(h.got, hook)
	return a
}
