package store_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/topology"
)

var auditor = audit.Actor{Kind: audit.Key, ID: "k1", Role: "editor", Name: "ops", From: "203.0.113.7", Request: "req-1"}

// kept lists what is kept of an owner, oldest first.
func kept(t *testing.T, b *bench, owner string) []audit.Entry {
	t.Helper()
	found, _, err := audit.List(t.Context(), b.js, audit.Query{Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found
}

// acts are the verbs, resources and ids of entries.
func acts(all []audit.Entry) []string {
	out := []string{}
	for _, e := range all {
		out = append(out, e.Verb+" "+e.Resource+" "+e.ID)
	}
	return out
}

// TestEverySaveIsOnRecord makes each kind of change once; what changes nothing,
// and what is refused, is no change.
func TestEverySaveIsOnRecord(t *testing.T) {
	b, anonymous := start(t)
	ctx, s := t.Context(), anonymous.As(auditor)
	ok := must(t)
	ok(s.PutOwner(ctx, owner.Owner{ID: "acme", Name: "Acme Ltd", TimeZone: "Europe/Paris"}))
	ok(s.PutContactType(ctx, "acme", account.ContactType{ID: "billing", Name: "Billing", Base: "billing"}))
	ok(s.PutAccount(ctx, "acme", account.Account{ID: "A-1", Name: "Northwind"}))
	ok(s.PutContact(ctx, "acme", account.ContactDocument{Account: "A-1", Contact: account.Contact{ID: "c1", Type: "billing", FirstName: "Ann", Email: "ann@example.com"}}))
	ok(s.PutSMTP(ctx, "acme", mail("main")))
	ok(s.PutSMTP(ctx, "acme", mail("other")))
	ok(s.SetDefaultSMTP(ctx, "acme", "other"))
	ok(s.PutEmail(ctx, "acme", canned("hello")))
	ok(s.PutEndpoint(ctx, "acme", hook("crm")))
	if c := ok(s.PutEndpoint(ctx, "acme", hook("crm"))); c.Action != setup.Unchanged {
		t.Fatalf("%s", c.Action)
	}
	ok(s.RotateSecret(ctx, "acme", "crm", time.Hour))
	if err := s.DisableEndpoint(ctx, "acme", "crm"); err != nil {
		t.Fatal(err)
	}
	if err := s.EnableEndpoint(ctx, "acme", "crm"); err != nil {
		t.Fatal(err)
	}
	ok(s.PutSubscription(ctx, "acme", subscription.Spec{
		ID: "sub", Name: "Sub", Events: []string{"invoice.posted"}, Channel: delivery.Webhook,
		Webhook: &subscription.Webhook{Endpoint: "crm"}, Order: subscription.Ordered,
	}))
	ok(s.Pause(ctx, control.Place{Owner: "acme", Subscription: "sub"}))
	ok(s.Resume(ctx, control.Place{Owner: "acme", Subscription: "sub"}))
	_, err := s.DeleteEndpoint(ctx, "acme", "crm")
	refused(t, err, fault.Conflict)
	ok(s.DeleteSubscription(ctx, "acme", "sub"))
	key, _, err := s.CreateKey(ctx, "acme", apikey.Key{Role: apikey.Subscriber, Endpoints: []string{"crm"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.DeleteEndpoint(ctx, "acme", "crm")
	refused(t, err, fault.Conflict)
	for range 2 { // the second time changes nothing
		if err := s.RevokeKey(ctx, "acme", key.ID); err != nil {
			t.Fatal(err)
		}
	}
	ok(s.DeleteEndpoint(ctx, "acme", "crm"))
	ok(s.DeleteEmail(ctx, "acme", "hello"))
	ok(s.DeleteAccount(ctx, "acme", "A-1"))
	ok(s.DeleteContactType(ctx, "acme", "billing"))
	ok(s.DeleteSMTP(ctx, "acme", "main"))
	if err := s.Record(ctx, store.Deed{Owner: "acme", Verb: "resend", Resource: "deliveries", Detail: "3 of crm"}); err != nil {
		t.Fatal(err)
	}

	all := kept(t, b, "acme")
	want := []string{
		"create owners acme", "change owners acme", "create contact-types billing", "create accounts A-1", "create contacts A-1/c1",
		"create smtp-settings main", "create smtp-settings other", "change smtp-settings other", "create canned-emails hello",
		"create endpoints crm", "rotate-secret endpoints crm", "disable endpoints crm", "enable endpoints crm",
		"create subscriptions sub", "pause subscriptions sub", "resume subscriptions sub", "delete subscriptions sub",
		"create api-keys " + key.ID, "revoke api-keys " + key.ID, "delete endpoints crm", "delete canned-emails hello", "delete accounts A-1",
		"delete contact-types billing", "delete smtp-settings main", "resend deliveries ",
	}
	if diff := cmp.Diff(want, acts(all)); diff != "" {
		t.Error(diff)
	}
	if all[0].Actor != (audit.Actor{Kind: audit.Process}) { // made before the test began
		t.Errorf("made by %+v", all[0].Actor)
	}
	for _, e := range all[1:] {
		if e.Actor != auditor || e.At.IsZero() || e.Owner != "acme" {
			t.Errorf("%s: %+v", e.Verb, e)
		}
	}
}

// TestWhatIsOnRecordShowsWhatWasChanged follows an endpoint by the hashes of its
// document.
func TestWhatIsOnRecordShowsWhatWasChanged(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	must(t)(s.PutEndpoint(ctx, "acme", hook("crm")))
	moved := hook("crm")
	moved.URL = "https://elsewhere.example.com/in"
	must(t)(s.PutEndpoint(ctx, "acme", moved))
	must(t)(s.RotateSecret(ctx, "acme", "crm", time.Hour))
	must(t)(s.PutEndpoint(ctx, "acme", hook("crm")))
	must(t)(s.DeleteEndpoint(ctx, "acme", "crm"))
	all := kept(t, b, "acme")[1:]
	for i, e := range all[1:] {
		if e.Before != all[i].After {
			t.Errorf("%s: %s was before, %s after the change before", e.Verb, e.Before, all[i].After)
		}
	}
	made, changed, rotated, back, gone := all[0], all[1], all[2], all[3], all[4]
	switch {
	case made.Before != "" || gone.After != "":
		t.Error("something was there before it was made, or after it was deleted")
	case changed.Before == changed.After:
		t.Error("a change is not seen")
	case back.After != made.After || !strings.HasPrefix(back.After, "hmac-sha256:"):
		t.Errorf("what is as it was has another hash: %s", back.After)
	case rotated.Before != rotated.After || len(rotated.Secrets) == 0:
		t.Errorf("a secret is in the hash, or its change is not told: %+v", rotated)
	}
}

func TestWhatConcernsNoOwnerIsOnRecordToo(t *testing.T) {
	b, s := start(t)
	text, err := s.FirstOperatorKey(t.Context())
	if err != nil || text.Empty() {
		t.Fatal(text, err)
	}
	again, err := b.another(t).FirstOperatorKey(t.Context())
	if err != nil || !again.Empty() {
		t.Fatalf("a second first key was made (%v)", err)
	}
	all, err := s.Keys(t.Context(), "")
	if err != nil || len(all) != 1 || all[0].Role != apikey.Operator || all[0].Hash != nil {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := s.As(auditor).RevokeKey(t.Context(), "", all[0].ID); err != nil {
		t.Fatal(err)
	}
	if again, err := s.FirstOperatorKey(t.Context()); err != nil || !again.Empty() {
		t.Errorf("who revokes the only key is given another (%v)", err)
	}
	want := []string{"create api-keys " + all[0].ID, "revoke api-keys " + all[0].ID}
	if diff := cmp.Diff(want, acts(kept(t, b, id.Installation))); diff != "" {
		t.Error(diff)
	}
}

// TestNothingIsSavedThatIsNotOnRecord takes AUDIT away.
func TestNothingIsSavedThatIsNotOnRecord(t *testing.T) {
	b, s := start(t)
	if err := b.js.DeleteStream(t.Context(), topology.Audit); err != nil {
		t.Fatal(err)
	}
	_, err := s.PutEndpoint(t.Context(), "acme", hook("crm"))
	refused(t, err, fault.Unavailable)
	if _, _, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Admin}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("key: %v", err)
	}
	st, err := s.Setup(t.Context(), "acme")
	if err != nil || len(st.Endpoints) > 0 {
		t.Errorf("saved %v, %v", st.Endpoints, err)
	}
	if all, err := s.Keys(t.Context(), "acme"); err != nil || len(all) > 0 {
		t.Errorf("saved %v, %v", all, err)
	}
}

// TestNoValueOfADocumentIsOnRecord looks for what is in documents, not only for
// secrets: who may read the record may not read everything.
func TestNoValueOfADocumentIsOnRecord(t *testing.T) {
	b, s := start(t)
	d := mail("main")
	d.Username, d.Password = "canary-user", new(secret.NewText("canary-password"))
	must(t)(s.PutSMTP(t.Context(), "acme", d))
	h := hook("crm")
	h.URL = "https://canary.example.com/canary-token"
	made := must(t)(s.PutEndpoint(t.Context(), "acme", h))
	must(t)(s.PutAccount(t.Context(), "acme", account.Account{ID: "A-1", Name: "canary-name"}))
	_, text, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Admin, Name: "canary-key"})
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(kept(t, b, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(told), "smtp-settings") {
		t.Fatalf("nothing is on record: %s", told)
	}
	for _, canary := range []string{"canary", made.Issued.Reveal()[6:], text.Reveal()[len(text.Reveal())-43:]} {
		if strings.Contains(string(told), canary) {
			t.Errorf("%s is on record: %s", canary, told)
		}
	}
}
