package webhooksender_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/secret"
)

func TestARequestProvesWhoSendsItInTheSchemeOfItsEndpoint(t *testing.T) {
	r := newRig(t)
	r.authSecret = new(secret.NewText("s3cr:t é"))
	var mu sync.Mutex
	got := map[string]http.Header{}
	r.receiver.answers(func(_ int, w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[req.URL.Path] = req.Header.Clone()
		w.WriteHeader(http.StatusNoContent)
	})
	for id, auth := range map[string]endpoint.Auth{
		"basic": {Scheme: endpoint.Basic, Username: "bill"}, "bearer": {Scheme: endpoint.Bearer},
		"key": {Scheme: endpoint.APIKey, Header: "X-Api-Key"},
	} {
		r.endpoint(id, func(e *endpoint.Spec, s *subscription.Spec) {
			e.Auth = &auth
			s.Webhook.Parameters = []subscription.Parameter{{Name: "X-Invoice", Literal: new("added"), In: subscription.InHeader}}
		})
	}
	r.run(config())
	r.send(1, "basic", "bearer", "key")
	r.finals(3)
	mu.Lock()
	defer mu.Unlock()
	user, password, ok := (&http.Request{Header: got["/basic"]}).BasicAuth()
	if !ok || user != "bill" || password != "s3cr:t é" {
		t.Errorf("basic: %q", got["/basic"]["Authorization"])
	}
	if v := got["/bearer"].Values("Authorization"); len(v) != 1 || v[0] != "Bearer s3cr:t é" {
		t.Errorf("bearer: %q", v)
	}
	if v := got["/key"].Values("X-Api-Key"); len(v) != 1 || v[0] != "s3cr:t é" {
		t.Errorf("api_key: %q", v)
	}
	if v := got["/basic"].Values("X-Invoice"); len(v) != 1 || v[0] != "added" {
		t.Errorf("header that the owner adds: %q", v)
	}
	for path, h := range got {
		if h.Get("webhook-signature") == "" {
			t.Errorf("%s is not signed", path)
		}
	}
}

func TestDuringARotationRequestsVerifyWithTheFormerAndTheNewSecret(t *testing.T) {
	r := newRig(t)
	r.endpoint("a") // the receiver verifies with the first secret
	r.run(config())
	made, err := r.store.RotateSecret(t.Context(), acme, "a", time.Hour)
	r.must(err)
	second, err := standardwebhooks.NewWebhook(made.Issued.Reveal())
	r.must(err)
	for n := 1; ; n++ {
		r.send(1, "a")
		got := r.receiver.until(t, func(got []request) bool { return len(got) >= n })
		last := got[len(got)-1]
		if last.verified != nil {
			t.Fatalf("the former secret does not verify: %v", last.verified)
		}
		header := http.Header{"Webhook-Id": {last.id}, "Webhook-Timestamp": {last.timestamp}, "Webhook-Signature": {last.signature}}
		if second.Verify([]byte(last.body), header) == nil {
			break // the new secret has reached the sender
		}
	}
	made, err = r.store.RotateSecret(t.Context(), acme, "a", 0)
	r.must(err)
	third, err := standardwebhooks.NewWebhook(made.Issued.Reveal())
	r.must(err)
	for {
		n := len(r.receiver.requests())
		r.send(1, "a")
		got := r.receiver.until(t, func(got []request) bool { return len(got) > n })
		last := got[len(got)-1]
		header := http.Header{"Webhook-Id": {last.id}, "Webhook-Timestamp": {last.timestamp}, "Webhook-Signature": {last.signature}}
		if third.Verify([]byte(last.body), header) != nil {
			continue
		}
		if last.verified == nil || second.Verify([]byte(last.body), header) == nil {
			t.Error("a secret that has ended still signs")
		}
		return
	}
}

func TestAnAsymmetricSignatureGoesWithEveryRequestBesideTheOther(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Asymmetric = true })
	st, err := r.store.Setup(t.Context(), acme)
	r.must(err)
	var public ed25519.PublicKey
	for _, k := range st.Endpoints["a"].Secrets {
		if k.Public != "" {
			public, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(k.Public, "whpk_"))
			r.must(err)
		}
	}
	r.run(config())
	r.send(1, "a")
	got := r.receiver.until(t, func(got []request) bool { return len(got) == 1 })[0]
	for _, s := range strings.Fields(got.signature) {
		if encoded, ok := strings.CutPrefix(s, "v1a,"); ok {
			sum, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || !ed25519.Verify(public, []byte(got.id+"."+got.timestamp+"."+got.body), sum) {
				t.Errorf("v1a does not verify: %v", err)
			}
			if got.verified != nil {
				t.Errorf("v1 does not verify beside it: %v", got.verified)
			}
			return
		}
	}
	t.Errorf("no v1a in %q", got.signature)
}
