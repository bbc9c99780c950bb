package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/endpoint/identitytest"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// stored returns the endpoint h as it is stored.
func stored(t *testing.T, s *store.Store) *endpoint.Endpoint {
	t.Helper()
	st, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return st.Endpoints["h"]
}

func TestAClientCertificateHasItsKeyAndKeepsItWhileItFits(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	one, other := identitytest.New(t, "one"), identitytest.New(t, "other")
	put := func(change func(*endpoint.Document)) (setup.Change, error) {
		d := hook("h")
		d.ClientCertificate = one.Certificate
		change(&d)
		return s.PutEndpoint(ctx, "acme", d)
	}
	given := func(text string) func(*endpoint.Document) {
		return func(d *endpoint.Document) { d.ClientKey = new(secret.NewText(text)) }
	}
	for _, row := range []struct {
		name          string
		change        func(*endpoint.Document)
		pointer, rule string
	}{
		{"no key", func(*endpoint.Document) {}, "/client_key", "field.required"},
		{"empty key", given(""), "/client_key", "field.required"},
		{"another's key", given(other.Key), "/client_key", "client_key.other"},
		{"key of nothing", func(d *endpoint.Document) { given(one.Key)(d); d.ClientCertificate = "" }, "/client_key", "client_key.none"},
	} {
		_, err := put(row.change)
		t.Log(row.name)
		refused(t, err, fault.Invalid, row.pointer, row.rule)
	}
	if c := must(t)(put(given(one.Key))); !cmp.Equal(c.Secrets, []string{"/client_key", "/signing_secret"}) {
		t.Errorf("changed secrets: %v", c.Secrets)
	}
	if c := must(t)(put(given(one.Key))); c.Action != setup.Unchanged {
		t.Errorf("given again: %+v", c)
	}
	must(t)(put(func(d *endpoint.Document) { d.URL = "https://other.example.com" }))
	plain, err := b.sealer.Open(endpoint.KeyPlace("acme", "h"), stored(t, s).ClientKey)
	if err != nil || plain.Reveal() != one.Key {
		t.Errorf("the key is not kept: %v", err)
	}
	_, err = put(func(d *endpoint.Document) { d.ClientCertificate = other.Certificate })
	refused(t, err, fault.Invalid, "/client_key", "client_key.other")
	must(t)(put(func(d *endpoint.Document) { given(other.Key)(d); d.ClientCertificate = other.Certificate }))
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	if e := stored(t, s); e.ClientKey != "" || e.ClientCertificate != "" {
		t.Error("without a certificate its key is kept")
	}
}

func TestACertificateThatHasExpiredSinceStandsInTheWayOfNoOtherChange(t *testing.T) {
	now := time.Now()
	b, _ := start(t)
	b.deps.Now = func() time.Time { return now }
	s := store.New(b.deps)
	id := identitytest.Until(t, "one", now.Add(time.Hour))
	d := hook("h")
	d.ClientCertificate, d.ClientKey = id.Certificate, new(secret.NewText(id.Key))
	must(t)(s.PutEndpoint(t.Context(), "acme", d))
	now = now.Add(2 * time.Hour)
	d.ClientKey, d.InFlight = nil, 7
	must(t)(s.PutEndpoint(t.Context(), "acme", d))
	d.ClientKey = new(secret.NewText(id.Key))
	_, err := s.PutEndpoint(t.Context(), "acme", d)
	refused(t, err, fault.Invalid, "/client_certificate", "certificate.expired")
}

func TestASecretHeaderIsKeptUntilItWouldGoElsewhere(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	with := func(headers ...endpoint.Header) endpoint.Document {
		d := hook("h")
		d.Headers = headers
		return d
	}
	secretly := func(name, value string) endpoint.Header {
		return endpoint.Header{Name: name, Value: secret.NewText(value), Secret: true}
	}
	opened := func(name string) string {
		t.Helper()
		sealed, ok := stored(t, s).SecretHeaders[name]
		if !ok {
			return ""
		}
		plain, err := b.sealer.Open(endpoint.HeaderPlace("acme", "h", name), sealed)
		if err != nil {
			t.Fatal(err)
		}
		return plain.Reveal()
	}
	_, err := s.PutEndpoint(ctx, "acme", with(secretly("X-A", "")))
	refused(t, err, fault.Invalid, "/headers/0/value", "field.required")
	given := with(endpoint.Header{Name: "X-Open", Value: secret.NewText("v")}, secretly("X-A", "one"), secretly("X-B", "two"))
	made := must(t)(s.PutEndpoint(ctx, "acme", given))
	if !cmp.Equal(made.Secrets, []string{"/headers/1/value", "/headers/2/value", "/signing_secret"}) {
		t.Errorf("changed secrets: %v", made.Secrets)
	}
	if v := given.Headers[1].Value.Reveal(); v != "one" {
		t.Errorf("the caller's document became %q", v)
	}
	if again := must(t)(s.PutEndpoint(ctx, "acme", given)); again.Action != setup.Unchanged {
		t.Errorf("given again: %+v", again)
	}
	// In another order and case, one is kept, one is replaced, one is gone.
	must(t)(s.PutEndpoint(ctx, "acme", with(secretly("x-b", ""), secretly("X-A", "three"))))
	if opened("x-a") != "three" || opened("x-b") != "two" || opened("x-open") != "" {
		t.Errorf("kept %q and %q", opened("x-a"), opened("x-b"))
	}
	moved := with(secretly("X-A", "four"), secretly("X-B", ""))
	moved.URL = "https://evil.example.com"
	_, err = s.PutEndpoint(ctx, "acme", moved)
	refused(t, err, fault.Invalid, "/headers/1/value", "header.again")
	// What is no longer secret is not shown: it is asked for.
	_, err = s.PutEndpoint(ctx, "acme", with(endpoint.Header{Name: "X-A"}))
	refused(t, err, fault.Invalid, "/headers/0/value", "text.required")
	must(t)(s.PutEndpoint(ctx, "acme", with(secretly("X-B", ""))))
	if opened("x-a") != "" || opened("x-b") != "two" {
		t.Error("a header that is gone has left its value")
	}
}

func TestOAuth2sSecretIsWantedAgainWhenItsTokenURLChanges(t *testing.T) {
	_, s := start(t)
	d := hook("h")
	d.Auth = &endpoint.Auth{Scheme: endpoint.OAuth2, TokenURL: "https://auth.example.com/token", ClientID: "c"}
	d.AuthSecret = new(secret.NewText("s"))
	must(t)(s.PutEndpoint(t.Context(), "acme", d))
	d.AuthSecret, d.Auth = nil, &endpoint.Auth{Scheme: endpoint.OAuth2, TokenURL: "https://evil.example.com/token", ClientID: "c"}
	_, err := s.PutEndpoint(t.Context(), "acme", d)
	refused(t, err, fault.Invalid, "/auth_secret", "auth_secret.again")
}

func TestAHeaderIsSetByTheEndpointOrByTheSubscriptionNotByBoth(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	plain, setting := hook("h"), hook("h")
	setting.Headers = []endpoint.Header{{Name: "X-Tenant", Value: secret.NewText("acme")}}
	key := hook("h")
	key.Auth, key.AuthSecret = &endpoint.Auth{Scheme: endpoint.APIKey, Header: "X-Tenant"}, new(secret.NewText("k"))
	sub := subscription.Spec{
		ID: "s", Name: "S", Events: []string{"invoice.posted"}, Channel: delivery.Webhook,
		Webhook: &subscription.Webhook{Endpoint: "h", Parameters: []subscription.Parameter{
			{Name: "x-tenant", Literal: new("v")}, {Name: "x-tenant", Literal: new("v"), In: subscription.InHeader},
		}},
	}
	for _, d := range []endpoint.Document{setting, key} {
		must(t)(s.PutEndpoint(ctx, "acme", d))
		_, err := s.PutSubscription(ctx, "acme", sub)
		refused(t, err, fault.Invalid, "/webhook/parameters/1/name", "parameter.header")
	}
	must(t)(s.PutEndpoint(ctx, "acme", plain))
	must(t)(s.PutSubscription(ctx, "acme", sub))
	_, err := s.PutEndpoint(ctx, "acme", setting)
	refused(t, err, fault.Invalid, "/headers/0/name", "header.parameter")
	_, err = s.PutEndpoint(ctx, "acme", key)
	refused(t, err, fault.Invalid, "/auth/header", "header.parameter")
	must(t)(s.DeleteSubscription(ctx, "acme", "s"))
	must(t)(s.PutEndpoint(ctx, "acme", setting))
}
