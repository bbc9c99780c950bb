package keys_test

import (
	"context"
	"crypto/rand"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/keys"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server that has the owners acme and other.
type world struct {
	js    jetstream.JetStream
	store *store.Store
}

func open(t *testing.T) world {
	t.Helper()
	w := world{js: topologytest.JetStream(t, topologytest.WithPartitions(1))}
	sealer := secrettest.Sealer(t)
	w.store = store.New(store.Deps{JetStream: w.js, Sealer: sealer, Rand: rand.Reader, Now: time.Now})
	for _, id := range []string{"acme", "other"} {
		if _, err := w.store.PutOwner(t.Context(), owner.Owner{ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func start(t *testing.T) (*store.Store, *keys.Keys) {
	t.Helper()
	w := open(t)
	k, err := keys.Open(t.Context(), keys.Settings{JetStream: w.js, Now: time.Now, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return w.store, k
}

func TestAKeyTellsItsOwnerAndRole(t *testing.T) {
	s, k := start(t)
	made, text, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Publisher, Name: "billing"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Authenticate(t.Context(), text)
	if err != nil || got.Owner != "acme" || got.Role != apikey.Publisher || got.ID != made.ID {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestAnOperatorsKeyHasNoOwner(t *testing.T) {
	s, k := start(t)
	text, err := s.FirstOperatorKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Authenticate(t.Context(), text)
	if err != nil || got.Owner != "" || got.Role != apikey.Operator {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestEveryWrongKeyIsDeniedInTheSameWords(t *testing.T) {
	s, k := start(t)
	_, good, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Admin})
	if err != nil {
		t.Fatal(err)
	}
	text := good.Reveal()
	operators, err := s.FirstOperatorKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for what, try := range map[string]string{
		"empty":                    "",
		"no form":                  "secret",
		"last character":           text[:len(text)-1] + string(text[len(text)-1]^1),
		"unknown id":               strings.Replace(text, text[9:25], "0123456789abcdef", 1),
		"another owner's":          strings.Replace(text, "acme", "other", 1),
		"no owner's":               strings.Replace(text, "acme", "nobody", 1),
		"a wildcard's":             strings.Replace(text, "acme", "*", 1),
		"an owner's as operator's": strings.Replace(text, "bhk_acme.", "bho_", 1),
		"operator's as an owner's": strings.Replace(operators.Reveal(), "bho_", "bhk_acme.", 1),
		"with something more":      text + "x",
	} {
		_, err := k.Authenticate(t.Context(), secret.NewText(try))
		if fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", what, err)
			continue
		}
		said[err.Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("denials differ: %v", said)
	}
}

// TestARevokedKeyStopsWorkingWithTheNews stops the clock, so that nothing but
// the watch tells.
func TestARevokedKeyStopsWorkingWithTheNews(t *testing.T) {
	w, began := open(t), time.Now()
	s := w.store
	k, err := keys.Open(t.Context(), keys.Settings{JetStream: w.js, Now: func() time.Time { return began }, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	made, text, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Authenticate(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(t.Context(), "acme", made.ID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := k.Authenticate(ctx, text); fault.KindOf(err) == fault.Denied {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the revoked key goes on working")
		}
	}
}

func TestAKeyNeedsARoleAndAnOwner(t *testing.T) {
	s, _ := start(t)
	if _, _, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: "root"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("err = %v", err)
	}
	if _, _, err := s.CreateKey(t.Context(), "nobody", apikey.Key{Role: apikey.Admin}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("err = %v", err)
	}
	if err := s.RevokeKey(t.Context(), "acme", "0123456789abcdef"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("err = %v", err)
	}
}

// deaf is a connection whose watches bring nothing.
type deaf struct{ jetstream.JetStream }

func (d deaf) KeyValue(ctx context.Context, name string) (jetstream.KeyValue, error) {
	kv, err := d.JetStream.KeyValue(ctx, name)
	return deafBucket{kv}, err
}

type deafBucket struct{ jetstream.KeyValue }

func (b deafBucket) WatchAll(ctx context.Context, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	w, err := b.KeyValue.WatchAll(ctx, opts...)
	return deafWatcher{w}, err
}

type deafWatcher struct{ jetstream.KeyWatcher }

func (deafWatcher) Updates() <-chan jetstream.KeyValueEntry { return nil }

// TestARevokedKeyStopsWithin5sEvenWhereNoNewsComes sets the clock by hand: what
// the watch does not bring is read again in time.
func TestARevokedKeyStopsWithin5sEvenWhereNoNewsComes(t *testing.T) {
	w := open(t)
	began := time.Now()
	var clock atomic.Int64
	k, err := keys.Open(t.Context(), keys.Settings{
		JetStream: deaf{w.js}, Now: func() time.Time { return began.Add(time.Duration(clock.Load())) }, Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	made, text, err := w.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Authenticate(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := w.store.RevokeKey(t.Context(), "acme", made.ID); err != nil {
		t.Fatal(err)
	}
	clock.Store(int64(5*time.Second - 1))
	if _, err := k.Authenticate(t.Context(), text); err != nil {
		t.Errorf("the news came: %v", err) // and this test tests nothing
	}
	clock.Store(int64(5 * time.Second))
	if _, err := k.Authenticate(t.Context(), text); fault.KindOf(err) != fault.Denied {
		t.Errorf("after 5 s: %v", err)
	}
}

func TestAKeyExpiresByItself(t *testing.T) {
	w := open(t)
	began := time.Now()
	var clock atomic.Int64
	k, err := keys.Open(t.Context(), keys.Settings{
		JetStream: w.js, Now: func() time.Time { return began.Add(time.Duration(clock.Load())) }, Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	_, text, err := w.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Viewer, ExpiresAt: began.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	clock.Store(int64(time.Hour - 1))
	if _, err := k.Authenticate(t.Context(), text); err != nil {
		t.Errorf("before it expires: %v", err)
	}
	clock.Store(int64(time.Hour))
	if _, err := k.Authenticate(t.Context(), text); fault.KindOf(err) != fault.Denied {
		t.Errorf("when it has expired: %v", err)
	}
}
