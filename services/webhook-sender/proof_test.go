package webhooksender_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/endpoint/identitytest"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/secret"
)

// grants makes an endpoint ask for tokens at the receiver's own /token.
func (r *rig) grants(id string) {
	r.authSecret = new(secret.NewText("canary of the client"))
	r.endpoint(id, func(e *endpoint.Spec, _ *subscription.Spec) {
		e.Auth = &endpoint.Auth{Scheme: endpoint.OAuth2, TokenURL: "https://" + host + "/token", ClientID: "billing"}
	})
}

func TestAnEndpointsRequestsShareATokenAndGetAnotherWhereItIsRefused(t *testing.T) {
	r := newRig(t)
	r.grants("a")
	var mu sync.Mutex
	asked, valid, refused := 0, "canary-token-1", 0
	r.receiver.answers(func(_ int, w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if req.URL.Path == "/token" {
			if user, password, _ := req.BasicAuth(); user != "billing" || password != "canary+of+the+client" {
				t.Errorf("asked by %q", user)
			}
			asked++
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"access_token":"canary-token-%d","token_type":"Bearer","expires_in":3600}`, asked)
			return
		}
		if sent := req.Header.Get("Authorization"); sent != "Bearer "+valid {
			refused++
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "I got "+req.Header.Get("Authorization"))
	})
	r.run(config())
	r.send(5, "a")
	r.finals(5)
	mu.Lock()
	if valid = "canary-token-2"; asked != 1 || refused != 0 {
		t.Errorf("asked for %d tokens for 5 requests, %d refused", asked, refused)
	}
	mu.Unlock()
	r.send(1, "a")
	for _, o := range r.finals(6) {
		if o.Result != delivery.Delivered || o.Attempt != 1 || o.Response != "I got Bearer [secret]" {
			t.Errorf("%+v", o)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if asked != 2 || refused != 1 {
		t.Errorf("asked for %d tokens, %d requests refused", asked, refused)
	}
}

func TestATokenServerInTroubleIsAFailedAttemptAndItIsTriedAgain(t *testing.T) {
	r := newRig(t)
	r.grants("a")
	r.receiver.answers(func(n int, w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case req.URL.Path != "/token":
		case n == 1:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"canary of the client"}`)
		default:
			_, _ = io.WriteString(w, `{"access_token":"tok"}`)
		}
	})
	r.run(config())
	r.send(1, "a")
	all := r.finals(1)
	// The failure may be the answer to a second attempt that comes soon.
	for _, o := range all[:len(all)-1] {
		if o.Result != delivery.Retrying || o.Reason != "oauth_token" || o.Status != 0 || o.Detail != "the token server answered 400, invalid_client" {
			t.Errorf("%+v", o)
		}
	}
	if last := all[len(all)-1]; len(all) < 2 || last.Result != delivery.Delivered {
		t.Errorf("%+v", all)
	}
	if b, err := json.Marshal(all); err != nil || strings.Contains(string(b), "canary of the client") {
		t.Errorf("%s, %v", b, err)
	}
}

func TestAReplacedClientCertificateIsShownOnceTheChangeHasArrived(t *testing.T) {
	r := newRig(t)
	seen := make(chan string, 100)
	r.receiver.answers(func(_ int, w http.ResponseWriter, req *http.Request) {
		seen <- req.TLS.PeerCertificates[0].Subject.CommonName
	})
	show := func(name string) {
		id := identitytest.New(t, name)
		r.clientKey = new(secret.NewText(id.Key))
		r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.ClientCertificate = id.Certificate })
	}
	show("former")
	r.run(config())
	r.send(1, "a")
	if got := <-seen; got != "former" {
		t.Errorf("the receiver saw %s", got)
	}
	show("next")
	for got := ""; got != "next"; got = <-seen {
		r.send(1, "a")
	}
	r.send(1, "a")
	if got := <-seen; got != "next" {
		t.Errorf("the receiver saw %s", got)
	}
}

func TestHeadersOfAnEndpointGoWithEveryAttemptAsTheyAreThen(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	var got []http.Header
	r.receiver.answers(func(n int, w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, req.Header.Clone())
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "for "+req.Header.Get("X-Secret"))
		}
	})
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) {
		e.Headers = []endpoint.Header{
			{Name: "X-Tenant", Value: secret.NewText("acme")}, {Name: "X-Secret", Value: secret.NewText("canary-line"), Secret: true},
		}
	})
	r.run(config())
	r.send(1, "a")
	all := r.finals(1)
	if len(all) != 2 || all[0].Response != "for [secret]" {
		t.Errorf("%+v", all)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, h := range got {
		if h.Get("X-Tenant") != "acme" || h.Get("X-Secret") != "canary-line" || h.Get("webhook-signature") == "" {
			t.Errorf("attempt %d: %v", i+1, h)
		}
	}
	if len(got) == 2 && (got[0].Get("webhook-id") != got[1].Get("webhook-id") || got[0].Get("webhook-signature") == got[1].Get("webhook-signature")) {
		t.Errorf("%v", got)
	}
}
