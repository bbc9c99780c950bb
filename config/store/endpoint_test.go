package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

func TestAnEndpointKeepsTheSecretItWasMadeWith(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	made := must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	if !strings.HasPrefix(made.Issued.Reveal(), "whsec_") || made.Action != setup.Created {
		t.Fatalf("change = %+v", made)
	}
	again := hook("h")
	again.InFlight = 5
	changed := must(t)(s.PutEndpoint(ctx, "acme", again))
	if !changed.Issued.Empty() || changed.Action != setup.Updated {
		t.Errorf("change = %+v", changed)
	}
	st, err := s.Setup(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	kept := st.Endpoints["h"].Secrets[0]
	plain, err := b.sealer.Open(endpoint.Place("acme", "h", kept.ID), kept.Sealed)
	if err != nil || !plain.Equal(made.Issued) {
		t.Errorf("opened %v, %v", plain.Equal(made.Issued), err)
	}
}

func TestAuthHasItsSecretAndKeepsItUntilItGoesElsewhere(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	basic := func(change func(*endpoint.Document)) endpoint.Document {
		d := hook("h")
		d.Auth = &endpoint.Auth{Scheme: endpoint.Basic, Username: "u"}
		change(&d)
		return d
	}
	given := new(secret.NewText("canary-pass"))
	for _, row := range []struct {
		name          string
		change        func(*endpoint.Document)
		pointer, rule string
	}{
		{"no secret", func(*endpoint.Document) {}, "/auth_secret", "field.required"},
		{"empty secret", func(d *endpoint.Document) { d.AuthSecret = new(secret.NewText("")) }, "/auth_secret", "text.required"},
		{"secret with a line end", func(d *endpoint.Document) { d.AuthSecret = new(secret.NewText("a\r\nHost: x")) }, "/auth_secret", "text.control"},
		{"secret of nothing", func(d *endpoint.Document) { d.Auth, d.AuthSecret = nil, given }, "/auth_secret", "auth.none"},
		{"unknown scheme", func(d *endpoint.Document) { d.Auth.Scheme = "digest" }, "/auth/scheme", "auth.scheme"},
		{"colon in the user name", func(d *endpoint.Document) { d.Auth.Username = "a:b" }, "/auth/username", "auth.username"},
		{"header of basic", func(d *endpoint.Document) { d.Auth.Header = "X-Key" }, "/auth/header", "auth.other"},
		{"reserved header", func(d *endpoint.Document) {
			d.Auth = &endpoint.Auth{Scheme: endpoint.APIKey, Header: "webhook-id"}
		}, "/auth/header", "header.reserved"},
	} {
		_, err := s.PutEndpoint(ctx, "acme", basic(row.change))
		t.Log(row.name)
		refused(t, err, fault.Invalid, row.pointer, row.rule)
	}
	must(t)(s.PutEndpoint(ctx, "acme", basic(func(d *endpoint.Document) { d.AuthSecret = given })))
	kept := func() string {
		t.Helper()
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		if st.Endpoints["h"].AuthSecret == "" {
			return ""
		}
		plain, err := b.sealer.Open(endpoint.AuthPlace("acme", "h"), st.Endpoints["h"].AuthSecret)
		if err != nil {
			t.Fatal(err)
		}
		return plain.Reveal()
	}
	must(t)(s.PutEndpoint(ctx, "acme", basic(func(d *endpoint.Document) { d.InFlight = 5 })))
	if got := kept(); got != "canary-pass" {
		t.Errorf("kept %q", got)
	}
	_, err := s.PutEndpoint(ctx, "acme", basic(func(d *endpoint.Document) { d.URL = "https://evil.example.com" }))
	refused(t, err, fault.Invalid, "/auth_secret", "auth_secret.again")
	_, err = s.PutEndpoint(ctx, "acme", basic(func(d *endpoint.Document) { d.Auth.Scheme, d.Auth.Username = endpoint.Bearer, "" }))
	refused(t, err, fault.Invalid, "/auth_secret", "auth_secret.again")
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	if got := kept(); got != "" {
		t.Errorf("without auth %q is kept", got)
	}
}

func TestARotatedSecretOverlapsWithTheFormerOnesAsLongAsWanted(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	first := must(t)(s.PutEndpoint(ctx, "acme", hook("h"))).Issued
	live := func(after time.Duration) []string {
		t.Helper()
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, k := range st.Endpoints["h"].Live(time.Now().Add(after)) {
			plain, err := b.sealer.Open(endpoint.Place("acme", "h", k.ID), k.Sealed)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, plain.Reveal())
		}
		return out
	}
	rotate := func(overlap time.Duration) string {
		t.Helper()
		return must(t)(s.RotateSecret(ctx, "acme", "h", overlap)).Issued.Reveal()
	}
	second := rotate(time.Hour)
	third := rotate(48 * time.Hour)
	for after, want := range map[time.Duration][]string{
		0: {third, second, first.Reveal()}, 2 * time.Hour: {third, second}, 50 * time.Hour: {third},
	} {
		if d := cmp.Diff(want, live(after)); d != "" {
			t.Errorf("after %s: %s", after, d)
		}
	}
	rotate(time.Hour)
	_, err := s.RotateSecret(ctx, "acme", "h", time.Hour)
	refused(t, err, fault.Invalid, "", "secrets.length")
	if must(t)(s.RotateSecret(ctx, "acme", "h", 0)); len(live(0)) != 1 {
		t.Error("several secrets are live after a rotation without overlap")
	}
	_, err = s.RotateSecret(ctx, "acme", "h", -time.Second)
	refused(t, err, fault.Invalid, "/overlap", "overlap.range")
	_, err = s.RotateSecret(ctx, "acme", "none", time.Hour)
	refused(t, err, fault.NotFound)
}

func TestAnAsymmetricKeyPairComesAndGoesWithTheWish(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	public := func() (out []string) {
		t.Helper()
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range st.Endpoints["h"].Live(time.Now()) {
			if k.Public != "" {
				out = append(out, k.Public)
			}
		}
		return out
	}
	made := must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	if made.PublicKey != "" || len(public()) != 0 {
		t.Error("a key pair that nobody asked for")
	}
	d := hook("h")
	d.Asymmetric = true
	first := must(t)(s.PutEndpoint(ctx, "acme", d))
	if !first.Issued.Empty() || !strings.HasPrefix(first.PublicKey, "whpk_") || !cmp.Equal(public(), []string{first.PublicKey}) {
		t.Errorf("change = %+v", first)
	}
	d.InFlight = 7
	if c := must(t)(s.PutEndpoint(ctx, "acme", d)); c.PublicKey != "" || !cmp.Equal(public(), []string{first.PublicKey}) {
		t.Errorf("another change made another key: %+v", c)
	}
	second := must(t)(s.RotateSecret(ctx, "acme", "h", time.Hour))
	if second.Issued.Empty() || !cmp.Equal(public(), []string{second.PublicKey, first.PublicKey}) {
		t.Errorf("rotated: %+v, public keys %v", second, public())
	}
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	if len(public()) != 0 {
		t.Error("the key pair stays when nobody wants it")
	}
}

func TestASecretRotatedWithoutOverlapEndsTheFormerAtOnce(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	must(t)(s.RotateSecret(ctx, "acme", "h", time.Hour))
	last := must(t)(s.RotateSecret(ctx, "acme", "h", 0)).Issued
	st, err := s.Setup(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	kept := st.Endpoints["h"].Secrets
	if len(kept) != 1 {
		t.Fatalf("%d secrets are kept", len(kept))
	}
	if plain, err := b.sealer.Open(endpoint.Place("acme", "h", kept[0].ID), kept[0].Sealed); err != nil || !plain.Equal(last) {
		t.Errorf("another one is kept: %v", err)
	}
}
