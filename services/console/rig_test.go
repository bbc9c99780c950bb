package console_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/keys"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a console with the owners acme and other, and a key for every role.
type rig struct {
	js      jetstream.JetStream
	store   *store.Store
	handler http.Handler
	// keys are the texts of the keys of acme by their roles; the operator's is
	// among them. foreign is an admin's of other.
	keys    map[apikey.Role]string
	foreign string
	// log is what the service logged.
	log *bytes.Buffer
}

func start(t testing.TB) *rig {
	t.Helper()
	return startWith(t, func(*rig) {})
}

// startWith starts a console that finds what was stored before.
func startWith(t testing.TB, before func(*rig)) *rig {
	t.Helper()
	r := &rig{js: natstest.Start(t).JetStream(t), keys: map[apikey.Role]string{}, log: &bytes.Buffer{}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for _, c := range slices.Concat(topology.Buckets(topology.Defaults()), topology.Streams(topology.Defaults())) {
		if _, err := r.js.CreateStream(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	sealer := secrettest.Sealer(t)
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	r.store = store.New(store.Deps{
		JetStream: r.js, Catalogue: catalogue, Mail: &guard.Policy{}, Sealer: sealer, Rand: rand.Reader, Now: time.Now,
	})
	r.owners(t)
	before(r)
	logger := zerolog.New(r.log)
	dir, err := directory.Watch(ctx, directory.Settings{JetStream: r.js, Buckets: console.Needs().Buckets, Catalogue: catalogue, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dir.Close)
	known, err := keys.Open(ctx, keys.Settings{JetStream: r.js, Now: time.Now, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(known.Close)
	s, err := console.New(settings(), console.Deps{
		JetStream: r.js, Catalogue: catalogue, Directory: dir, Store: r.store, Sealer: sealer,
		Desk: caller.New(caller.Settings{Keys: known, Now: time.Now}), Logger: logger, Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.handler = s.Handler()
	return r
}

// settings are those of the committed document.
func settings() console.Config {
	return console.Config{URL: "http://127.0.0.1:8484", EventsURL: "http://127.0.0.1:8484", QueuesURL: "http://127.0.0.1:8484"}
}

func (r *rig) owners(t testing.TB) {
	t.Helper()
	make := func(owner string, want apikey.Key) string {
		_, text, err := r.store.CreateKey(t.Context(), owner, want)
		if err != nil {
			t.Fatal(err)
		}
		return text.Reveal()
	}
	for _, id := range []string{"acme", "other"} {
		if _, err := r.store.PutOwner(t.Context(), owner.Owner{ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range []apikey.Role{apikey.Admin, apikey.Editor, apikey.Viewer, apikey.Publisher} {
		r.keys[role] = make("acme", apikey.Key{Role: role})
	}
	r.keys[apikey.Operator] = make("", apikey.Key{Role: apikey.Operator})
	r.foreign = make("other", apikey.Key{Role: apikey.Admin})
}

// ask is a request; answer what came of it.
type ask struct {
	method, path, body, key string
	header                  map[string]string
	// from is the address of the caller, where it matters.
	from string
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request with the key of an editor where it names none.
func (r *rig) do(t testing.TB, a ask) answer {
	t.Helper()
	if a.key == "" {
		a.key = r.keys[apikey.Admin]
	}
	return r.send(t, a)
}

// send sends a request as it stands.
func (r *rig) send(t testing.TB, a ask) answer {
	t.Helper()
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	req := httptest.NewRequestWithContext(t.Context(), a.method, a.path, body)
	if a.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.key != "" {
		req.Header.Set("Authorization", "Bearer "+a.key)
	}
	if a.from != "" {
		req.RemoteAddr = a.from
	}
	for name, value := range a.header {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// want fails the test where the answer has another status.
func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// into decodes the body.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
}
