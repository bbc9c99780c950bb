package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/endpoint/identitytest"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// keyring is a key file that stores follow.
type keyring struct {
	path string
	keys []secret.Key
}

// follow has the bench's stores follow a key file from here on.
func (b *bench) follow(t *testing.T) (*keyring, *store.Store) {
	t.Helper()
	k := &keyring{path: filepath.Join(t.TempDir(), "secret.key")}
	k.add(t)
	b.sealer = k.sealer(t)
	b.deps.Sealer = b.sealer
	return k, store.New(b.deps)
}

func (k *keyring) sealer(t *testing.T) *secret.Sealer {
	t.Helper()
	s, err := secret.Follow(func() ([]secret.Key, error) { return secret.ReadKeys(k.path) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// add puts a new key before the others.
func (k *keyring) add(t *testing.T) {
	t.Helper()
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, append([]secret.Key{key}, k.keys...))
}

// drop leaves the newest key only.
func (k *keyring) drop(t *testing.T) { k.write(t, k.keys[:1]) }

func (k *keyring) write(t *testing.T, keys []secret.Key) {
	t.Helper()
	k.keys = keys
	if err := secret.WriteKeys(k.path, keys); err != nil {
		t.Fatal(err)
	}
}

// armed is an endpoint with every secret that there is.
func armed(t testing.TB, id string, n string) endpoint.Document {
	h := hook(id)
	h.Auth = &endpoint.Auth{Scheme: endpoint.OAuth2, TokenURL: "https://auth.example.com/token", ClientID: "c"}
	h.AuthSecret = new(secret.NewText("auth" + n))
	h.Headers = []endpoint.Header{{Name: "X-One", Value: secret.NewText("one" + n), Secret: true}, {Name: "X-Two", Value: secret.NewText("two" + n), Secret: true}}
	pair := identitytest.New(t, "one")
	h.ClientCertificate, h.ClientKey = pair.Certificate, new(secret.NewText(pair.Key))
	h.Asymmetric = true
	return h
}

func signed(id, password string) smtp.Document {
	d := mail(id)
	d.Username, d.Password = "u", new(secret.NewText(password))
	d.DKIM, d.DKIMKey = &smtp.DKIM{Domain: "example.com", Selector: "a"}, new(secret.NewText(dkimKey))
	return d
}

// furnish saves two endpoints and two SMTP settings with all secrets.
func furnish(t *testing.T, s *store.Store) {
	t.Helper()
	for _, id := range []string{"a", "b"} {
		must(t)(s.PutSMTP(t.Context(), "acme", signed(id, "password")))
		must(t)(s.PutEndpoint(t.Context(), "acme", armed(t, id, "")))
	}
}

const furnished = 2 * (2 + 6)

// sealedWith counts the seals by key, and those that do not open.
func sealedWith(t *testing.T, s *store.Store) (byKey map[string]int, broken int) {
	t.Helper()
	seals, err := s.Seals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byKey = map[string]int{}
	for _, seal := range seals {
		byKey[seal.Key]++
		if seal.Err != nil {
			broken++
		}
	}
	return byKey, broken
}

func TestResealingLeavesNothingToTheFormerKeyAndChangesNothingElse(t *testing.T) {
	b, _ := start(t)
	k, s := b.follow(t)
	furnish(t, s)
	before, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	opened := openAll(t, b)
	k.add(t)
	if n, err := s.Reseal(t.Context()); n != furnished || err != nil {
		t.Errorf("resealed %d, %v", n, err)
	}
	if n, err := s.Reseal(t.Context()); n != 0 || err != nil {
		t.Errorf("resealed %d once more, %v", n, err)
	}
	byKey, broken := sealedWith(t, s)
	if want := map[string]int{k.keys[0].ID(): furnished}; !maps.Equal(byKey, want) || broken > 0 {
		t.Errorf("sealed with %v, %d broken; want %v", byKey, broken, want)
	}
	former := k.keys[1].ID()
	for _, name := range []string{topology.SMTP, topology.Endpoints, topology.Ledgers} {
		b.mustNotHold(t, name, former)
	}
	k.drop(t)
	if d := cmp.Diff(opened, openAll(t, b)); d != "" {
		t.Errorf("secrets changed (-before +after):\n%s", d)
	}
	after, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(shown(t, before), shown(t, after)); d != "" {
		t.Errorf("resources changed (-before +after):\n%s", d)
	}
}

// shown is what a setup shows of its resources, without seals.
func shown(t *testing.T, st *setup.Setup) string {
	t.Helper()
	for _, e := range st.Endpoints {
		e.EachSealed("acme", func(secret.Place, secret.Sealed) secret.Sealed { return "" })
	}
	st.SMTP.EachSealed("acme", func(secret.Place, secret.Sealed) secret.Sealed { return "" })
	text, err := json.MarshalIndent(st, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// openAll opens every secret, by its place, with what is in the key file.
func openAll(t *testing.T, b *bench) map[string]string {
	t.Helper()
	st, err := store.New(b.deps).Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	open := func(place secret.Place, sealed secret.Sealed) secret.Sealed {
		text, err := b.sealer.Open(place, sealed)
		if err != nil {
			t.Error(err)
		}
		out[place.String()] = text.Reveal()
		return sealed
	}
	for _, e := range st.Endpoints {
		e.EachSealed("acme", open)
	}
	st.SMTP.EachSealed("acme", open)
	return out
}

// mustNotHold looks for a key's id in every message of a bucket.
func (b *bench) mustNotHold(t *testing.T, name, id string) {
	t.Helper()
	entries, err := bucket.Open(b.js, name).List(t.Context(), ">")
	if err != nil || len(entries) == 0 {
		t.Fatalf("%s: %d entries, %v", name, len(entries), err)
	}
	for _, e := range entries {
		if bytes.Contains(e.Value, []byte(id)) {
			t.Errorf("%s %s holds what the former key sealed", name, e.Key)
		}
	}
}

// TestOwnersKeepWritingWhileTheKeyRotates rotates three times under writers of
// other processes, and drops the former key as soon as the resealing is over:
// whatever was under way then must not be sealed with it.
func TestOwnersKeepWritingWhileTheKeyRotates(t *testing.T) {
	b, _ := start(t)
	k, s := b.follow(t)
	furnish(t, s)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	var written atomic.Int64
	for range processes {
		d := b.deps
		d.JetStream, d.Sealer = b.srv.JetStream(t), k.sealer(t)
		other := store.New(d)
		doc := armed(t, "a", "x") // each writer has its own: a check fills in what is not given
		for _, write := range []func(n int) error{
			func(int) error { _, err := other.RotateSecret(ctx, "acme", "b", time.Hour); return err },
			func(n int) error { _, err := other.PutSMTP(ctx, "acme", signed("a", name("p", n))); return err },
			func(n int) error {
				doc.AuthSecret = new(secret.NewText(name("auth", n)))
				_, err := other.PutEndpoint(ctx, "acme", doc)
				return err
			},
		} {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					switch err := write(n); {
					case err == nil:
						written.Add(1)
					case ctx.Err() == nil && fault.KindOf(err) != fault.Conflict && fault.KindOf(err) != fault.Invalid:
						t.Error(err)
						return
					}
				}
			})
		}
	}
	for range 3 {
		k.add(t)
		if _, err := s.Reseal(t.Context()); err != nil {
			t.Error(err)
			break
		}
		k.drop(t)
		for want := written.Load() + 10; written.Load() < want && !t.Failed(); {
			if _, err := s.Setup(t.Context(), "acme"); err != nil {
				t.Error(err)
			}
		}
	}
	stop()
	wg.Wait()
	byKey, broken := sealedWith(t, store.New(b.deps))
	if len(byKey) != 1 || byKey[k.keys[0].ID()] < furnished-2 || broken > 0 {
		t.Errorf("sealed with %v, %d broken, after %d writes", byKey, broken, written.Load())
	}
}

// failing loses everything that is published from one message on, as a process
// does that dies there.
type failing struct {
	jetstream.JetStream
	left *atomic.Int64
}

func (f failing) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if f.left.Add(-1) < 0 {
		return nil, nats.ErrConnectionClosed
	}
	return f.JetStream.PublishMsg(ctx, m, opts...)
}

// held keeps the first record of a write until it is released.
type held struct {
	jetstream.JetStream
	once              *sync.Once
	reached, released chan struct{}
}

func (h held) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if m.Subject == topology.BucketKey(topology.Ledgers, "acme") {
		h.once.Do(func() {
			close(h.reached)
			<-h.released
		})
	}
	return h.JetStream.PublishMsg(ctx, m, opts...)
}

// TestWhatWasSealedBeforeButNotYetWrittenIsSealedAnew holds a writer up between
// its sealing and its writing, for as long as a whole rotation takes.
func TestWhatWasSealedBeforeButNotYetWrittenIsSealedAnew(t *testing.T) {
	for name, renew := range map[string]func(*store.Store) error{
		"resealing": func(s *store.Store) error { _, err := s.Reseal(t.Context()); return err },
		"settling":  func(s *store.Store) error { return s.Settle(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := start(t)
			k, s := b.follow(t)
			d := b.deps
			h := held{b.js, new(sync.Once), make(chan struct{}), make(chan struct{})}
			d.JetStream = h
			written := make(chan error, 1)
			go func() {
				_, err := store.New(d).PutSMTP(t.Context(), "acme", signed("a", "password"))
				written <- err
			}()
			<-h.reached
			k.add(t)
			err := renew(s)
			close(h.released)
			if err = errors.Join(err, <-written); err != nil {
				t.Fatal(err)
			}
			if byKey, broken := sealedWith(t, s); byKey[k.keys[0].ID()] != 2 || len(byKey) != 1 || broken > 0 {
				t.Errorf("sealed with %v, %d broken; want all with %s", byKey, broken, k.keys[0].ID())
			}
		})
	}
}

func TestAResealingThatDiesAnywhereIsFinishedByTheNext(t *testing.T) {
	b, _ := start(t)
	k, s := b.follow(t)
	furnish(t, s)
	for dies := int64(0); ; dies++ {
		k.add(t)
		d := b.deps
		left := new(atomic.Int64)
		left.Store(dies)
		d.JetStream = failing{b.js, left}
		_, err := store.New(d).Reseal(t.Context())
		if err == nil {
			if dies < 4 {
				t.Errorf("it never died: a whole resealing takes %d messages", dies)
			}
			break
		}
		if _, err := s.Reseal(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.drop(t)
		if byKey, broken := sealedWith(t, s); byKey[k.keys[0].ID()] != furnished || broken > 0 {
			t.Fatalf("died after %d messages: sealed with %v, %d broken", dies, byKey, broken)
		}
	}
}

func TestSealsSayWhatTheKeyDoesNotOpen(t *testing.T) {
	b, _ := start(t)
	k, s := b.follow(t)
	furnish(t, s)
	former := k.keys
	k.add(t)
	k.drop(t)
	d := b.deps
	d.Sealer = k.sealer(t) // of a process that never knew the former key
	other := store.New(d)
	if byKey, broken := sealedWith(t, other); broken != furnished || byKey[former[0].ID()] != furnished {
		t.Errorf("%v, %d broken", byKey, broken)
	}
	if n, err := other.Reseal(t.Context()); n != 0 || err != nil {
		t.Errorf("resealed %d that do not open, %v", n, err)
	}
	if err := os.Remove(k.path); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Reseal(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("resealed without a key file: %v", err)
	}
}

// TestEverythingSealedIsKnown fails where a stored type has a sealed field that
// its EachSealed does not know, or where another type has one.
func TestEverythingSealedIsKnown(t *testing.T) {
	var e endpoint.Endpoint
	var book smtp.Book
	for name, tt := range map[string]struct {
		value any
		each  func(string, func(secret.Place, secret.Sealed) secret.Sealed)
	}{"endpoint": {&e, e.EachSealed}, "smtp book": {&book, book.EachSealed}} {
		planted := plant(reflect.ValueOf(tt.value).Elem())
		seen := 0
		tt.each("acme", func(_ secret.Place, s secret.Sealed) secret.Sealed { seen++; return s })
		if planted == 0 || seen != planted {
			t.Errorf("%s: %d sealed fields, %d known", name, planted, seen)
		}
	}
	var whole setup.Setup
	var holders []string
	v := reflect.ValueOf(&whole).Elem()
	for i := range v.NumField() {
		if plant(v.Field(i)) > 0 {
			holders = append(holders, v.Type().Field(i).Name)
		}
	}
	if !slices.Equal(holders, []string{"SMTP", "Endpoints"}) {
		t.Errorf("sealed texts are in %v", holders)
	}
}

// plant gives every slice, map and pointer one element and every sealed field
// a text, and counts those.
func plant(v reflect.Value) int {
	if v.Type() == reflect.TypeFor[secret.Sealed]() {
		v.SetString("sealed")
		return 1
	}
	switch v.Kind() {
	case reflect.Struct:
		n := 0
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				n += plant(v.Field(i))
			}
		}
		return n
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return plant(v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return plant(v.Elem())
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		n := plant(element)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.Zero(v.Type().Key()), element)
		return n
	default:
		return 0
	}
}
