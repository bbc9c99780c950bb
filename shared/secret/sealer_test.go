package secret_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/secret"
)

var place = secret.Place{Bucket: "smtp", Key: "acme", Field: "sets/main/password"}

func newKey(t testing.TB) secret.Key {
	t.Helper()
	k, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newSealer(t testing.TB, keys ...secret.Key) *secret.Sealer {
	t.Helper()
	s, err := secret.NewSealer(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func seal(t testing.TB, s *secret.Sealer, plain string) secret.Sealed {
	t.Helper()
	sealed, err := s.Seal(place, secret.NewText(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestWhatIsSealedOpensInItsPlace(t *testing.T) {
	s := newSealer(t, newKey(t))
	rapid.Check(t, func(r *rapid.T) {
		at := secret.Place{
			Bucket: rapid.String().Draw(r, "bucket"),
			Key:    rapid.String().Draw(r, "key"),
			Field:  rapid.String().Draw(r, "field"),
		}
		plain := rapid.String().Draw(r, "plain")
		sealed, err := s.Seal(at, secret.NewText(plain))
		if err != nil || !sealed.Valid() {
			r.Fatalf("Seal: %v", err)
		}
		if got, err := s.Open(at, sealed); err != nil || got.Reveal() != plain {
			r.Fatalf("Open = %q, %v; want %q", got.Reveal(), err, plain)
		}
	})
}

func TestASealedTextNamesSchemeAndKeyAndHidesThePlainText(t *testing.T) {
	k := newKey(t)
	sealed := string(seal(t, newSealer(t, k), canary))
	if !strings.HasPrefix(sealed, "sealed:v1:"+k.ID()+":") {
		t.Errorf("form: %s", sealed)
	}
	if strings.Contains(sealed, canary) || strings.Contains(sealed, base64.RawStdEncoding.EncodeToString([]byte(canary))) {
		t.Errorf("sealed text holds the plain one: %s", sealed)
	}
}

func TestSealingTwiceGivesDifferentTexts(t *testing.T) {
	s := newSealer(t, newKey(t))
	first, second := seal(t, s, "x"), seal(t, s, "x")
	if first == second {
		t.Error("a nonce was used twice")
	}
}

func TestAWrongPlaceIsRefused(t *testing.T) {
	s := newSealer(t, newKey(t))
	sealed := seal(t, s, canary)
	for name, other := range map[string]secret.Place{
		"another bucket":                       {Bucket: "endpoints", Key: place.Key, Field: place.Field},
		"another owner's key":                  {Bucket: place.Bucket, Key: "evil", Field: place.Field},
		"another field":                        {Bucket: place.Bucket, Key: place.Key, Field: "sets/other/password"},
		"a byte moved from bucket to key":      {Bucket: "smt", Key: "pacme", Field: place.Field},
		"a byte moved from key to field":       {Bucket: place.Bucket, Key: "acm", Field: "e" + place.Field},
		"all in one part":                      {Bucket: place.Bucket + place.Key + place.Field},
		"no place":                             {},
		"the same with a zero byte at the end": {Bucket: place.Bucket, Key: place.Key, Field: place.Field + "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := s.Open(other, sealed); !errors.Is(err, secret.ErrRefused) || !got.Empty() {
				t.Errorf("Open = %q, %v", got.Reveal(), err)
			}
		})
	}
}

func TestEveryChangedByteIsRefused(t *testing.T) {
	s := newSealer(t, newKey(t))
	// Three lengths, since base64 leaves 0, 2 or 4 bits over at its end.
	for _, plain := range []string{canary, canary + "1", canary + "12"} {
		sealed := string(seal(t, s, plain))
		for i := range len(sealed) {
			for change := range 255 {
				changed := []byte(sealed)
				changed[i] ^= byte(change + 1)
				if got, err := s.Open(place, secret.Sealed(changed)); err == nil {
					t.Fatalf("byte %d changed by %02x: opened as %q", i, change+1, got.Reveal())
				}
			}
		}
	}
}

func TestATruncatedOrPaddedTextIsRefused(t *testing.T) {
	s := newSealer(t, newKey(t))
	sealed := seal(t, s, canary)
	for i := range len(sealed) {
		if _, err := s.Open(place, sealed[:i]); err == nil {
			t.Errorf("opened when cut to %d bytes", i)
		}
	}
	for _, tail := range []string{"=", "\n", "\r\n", "A", ":", " "} {
		if _, err := s.Open(place, sealed+secret.Sealed(tail)); err == nil {
			t.Errorf("opened with %q at its end", tail)
		}
	}
}

func TestTheFirstKeySealsAndEveryKeyOpens(t *testing.T) {
	older, newer := newKey(t), newKey(t)
	before := seal(t, newSealer(t, older), canary)
	rotated := newSealer(t, newer, older)
	if got, err := rotated.Open(place, before); err != nil || got.Reveal() != canary {
		t.Errorf("old text after rotation: %q, %v", got.Reveal(), err)
	}
	after := seal(t, rotated, canary)
	if !strings.Contains(string(after), newer.ID()) || rotated.Stale(after) || !rotated.Stale(before) {
		t.Errorf("sealed with the wrong key: %s", after)
	}
	if _, err := newSealer(t, newer).Open(place, before); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("without the old key: %v", err)
	}
}

func TestAFollowerSealsWithTheNewestKeyAndLearnsOfOnesItMeets(t *testing.T) {
	older, newer := newKey(t), newKey(t)
	path := filepath.Join(t.TempDir(), "sealing.key")
	write := func(keys ...secret.Key) {
		t.Helper()
		if err := secret.WriteKeys(path, keys); err != nil {
			t.Fatal(err)
		}
	}
	write(older)
	s, err := secret.Follow(func() ([]secret.Key, error) { return secret.ReadKeys(path) })
	if err != nil {
		t.Fatal(err)
	}
	before := seal(t, s, canary)
	write(newer, older)
	if got, err := s.Open(place, seal(t, newSealer(t, newer), canary)); err != nil || got.Reveal() != canary {
		t.Errorf("sealed by another process with a newer key: %q, %v", got.Reveal(), err)
	}
	renewed, err := s.Renew(place, before)
	if err != nil || renewed.KeyID() != newer.ID() || !s.Stale(before) {
		t.Errorf("Renew = %s, %v", renewed, err)
	}
	if again, err := s.Renew(place, renewed); err != nil || again != renewed {
		t.Errorf("Renew of what is new = %s, %v", again, err)
	}
	write(newer)
	if after := seal(t, s, canary); after.KeyID() != newer.ID() {
		t.Errorf("sealed with %s", after.KeyID())
	}
	if _, err := s.Open(place, seal(t, newSealer(t, newKey(t)), canary)); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("a key that nobody has: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Open(place, renewed); err != nil || got.Reveal() != canary {
		t.Errorf("known keys without the file: %v", err)
	}
	if _, err := s.Seal(place, secret.NewText(canary)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("sealed with a key that is kept nowhere: %v", err)
	}
	_, err = s.Open(place, seal(t, newSealer(t, newKey(t)), canary))
	if !errors.Is(err, secret.ErrUnknownKey) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown key without the file: %v", err)
	}
}

func TestWhatCannotBeOpenedIsNotRenewed(t *testing.T) {
	s := newSealer(t, newKey(t))
	for sealed, want := range map[secret.Sealed]error{
		seal(t, newSealer(t, newKey(t)), canary): secret.ErrUnknownKey, canary: secret.ErrMalformed,
	} {
		if got, err := s.Renew(place, sealed); !errors.Is(err, want) || got != sealed {
			t.Errorf("Renew = %s, %v", got, err)
		}
	}
}

func TestASealerNeedsAKey(t *testing.T) {
	if _, err := secret.NewSealer(); !errors.Is(err, secret.ErrNoKey) {
		t.Errorf("NewSealer() = %v", err)
	}
	if _, err := secret.NewSealer(secret.Key{}); err == nil {
		t.Error("a zero key was taken")
	}
	var none secret.Sealer
	if _, err := none.Seal(place, secret.NewText("x")); !errors.Is(err, secret.ErrNoKey) {
		t.Errorf("zero sealer: %v", err)
	}
}

func TestErrorsNameThePlaceAndNoSecret(t *testing.T) {
	k := newKey(t)
	_, err := newSealer(t, k).Open(place, "sealed:v1:"+secret.Sealed(k.ID())+":"+canary)
	if err == nil || !strings.Contains(err.Error(), "smtp/acme#sets/main/password") || leaks(err.Error()) {
		t.Errorf("error: %v", err)
	}
}

func TestAKeyPrintsNothingOfItself(t *testing.T) {
	k := newKey(t)
	var printed string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		printed += fmt.Sprintf(verb, any(k))
	}
	raw, _ := base64.StdEncoding.DecodeString(k.Reveal())
	for _, form := range []string{k.Reveal(), string(raw), fmt.Sprintf("%x", raw), fmt.Sprint(raw)} {
		if strings.Contains(printed, form) {
			t.Errorf("printed: %s", printed)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k, err := secret.ParseKey(base64.StdEncoding.EncodeToString(make([]byte, secret.KeySize)))
	if err != nil {
		f.Fatal(err)
	}
	s := newSealer(f, k)
	good := seal(f, s, canary)
	for _, seed := range []string{
		"", "sealed:v1:", "sealed:v1::", "sealed:v1:" + k.ID() + ":", "sealed:v2:" + k.ID() + ":AAAA",
		"sealed:v1:" + k.ID() + ":" + strings.Repeat("A", 40), "sealed:v1:x:y:z", "SEALED:v1:" + k.ID() + ":AAAA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := s.Open(place, secret.Sealed(text))
		if err == nil {
			t.Fatalf("%q opened as %q", text, got.Reveal())
		}
		// Whatever is put around or into a good text, only itself opens.
		if text != "" {
			if _, err := s.Open(place, good+secret.Sealed(text)); err == nil {
				t.Fatalf("a good text with %q behind it opened", text)
			}
		}
	})
}
