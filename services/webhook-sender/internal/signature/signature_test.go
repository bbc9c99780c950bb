package signature_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/webhook-sender/internal/signature"
)

const vector = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func key(t testing.TB, text string) *signature.Key {
	t.Helper()
	k, err := signature.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheFixedVectorOfTheSpecificationIsMet(t *testing.T) {
	m := signature.Message{
		ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp: 1614265330, Body: []byte(`{"test": 2432232314}`),
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := signature.Header(m, []*signature.Key{key(t, vector)}); got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestAnAsymmetricSignatureVerifiesWithThePublicKey(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := key(t, "whsk_"+base64.StdEncoding.EncodeToString(private))
	rapid.Check(t, func(rt *rapid.T) {
		m := signature.Message{
			ID: "dlv_" + rapid.StringMatching(`[a-z0-9]{1,60}`).Draw(rt, "id"), Timestamp: rapid.Int64Range(0, 1<<40).Draw(rt, "at"),
			Body: rapid.SliceOf(rapid.Byte()).Draw(rt, "body"),
		}
		both := strings.Fields(signature.Header(m, []*signature.Key{key(t, vector), k}))
		encoded, ok := strings.CutPrefix(both[1], "v1a,")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		signed := append([]byte(m.ID+"."+strconv.FormatInt(m.Timestamp, 10)+"."), m.Body...)
		if !ok || err != nil || !ed25519.Verify(public, signed, sum) || !strings.HasPrefix(both[0], "v1,") {
			t.Fatalf("signatures %q, %v", both, err)
		}
	})
}

func TestEverySecretOfARotationVerifiesWithThePublicLibrary(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(rt, "keys")
		var keys []*signature.Key
		var texts []string
		for range n {
			raw := rapid.SliceOfN(rapid.Byte(), signature.MinSecret, signature.MaxSecret).Draw(rt, "secret")
			text := "whsec_" + base64.StdEncoding.EncodeToString(raw)
			texts = append(texts, text)
			keys = append(keys, key(t, text))
		}
		m := signature.Message{
			ID:        "dlv_" + rapid.StringMatching(`[a-z0-9]{1,60}`).Draw(rt, "id"),
			Timestamp: time.Now().Unix(),
			Body:      rapid.SliceOf(rapid.Byte()).Draw(rt, "body"),
		}
		header := http.Header{}
		header.Set("webhook-id", m.ID)
		header.Set("webhook-timestamp", strconv.FormatInt(m.Timestamp, 10))
		header.Set("webhook-signature", signature.Header(m, keys))
		for _, text := range texts {
			judge, err := standardwebhooks.NewWebhook(text)
			if err != nil {
				rt.Fatal(err)
			}
			if err := judge.Verify(m.Body, header); err != nil {
				rt.Fatalf("the public library refuses %v: %v", header, err)
			}
		}
	})
}

func TestASecretOfAnotherFormIsRefusedWithoutShowingIt(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"no prefix":     "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"ed25519":       "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"not base64":    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*",
		"23 bytes":      "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)),
		"65 bytes":      "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)),
		"url alphabet":  "whsec_-_-_" + strings.Repeat("A", 40),
		"lost padding":  "whsec_" + strings.TrimRight(base64.StdEncoding.EncodeToString(make([]byte, 25)), "="),
		"space in text": "whsec_ " + strings.Repeat("A", 40),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signature.ParseKey(text)
			if !errors.Is(err, signature.ErrSecret) {
				t.Fatalf("got %v", err)
			}
			if len(text) > 8 && strings.Contains(err.Error(), text[8:]) {
				t.Fatalf("the error shows the secret: %v", err)
			}
		})
	}
}

func BenchmarkHeader(b *testing.B) {
	keys := []*signature.Key{key(b, vector)}
	m := signature.Message{ID: "dlv_abcdefghijklmnopqrstuvwxyz", Timestamp: 1614265330, Body: make([]byte, 700)}
	b.ReportAllocs()
	for b.Loop() {
		_ = signature.Header(m, keys)
	}
}
