package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/subject"
)

func TestNothingBelongsToAnUnknownOwner(t *testing.T) {
	_, s := start(t)
	_, err := s.PutEndpoint(t.Context(), "nobody", hook("e"))
	refused(t, err, fault.NotFound)
	_, err = s.PutEndpoint(t.Context(), "no.body", hook("e"))
	refused(t, err, fault.Invalid, "/owner", "id.form")
	_, err = s.PutEndpoint(t.Context(), "acme", hook("e.>"))
	refused(t, err, fault.Invalid, "/id", "id.form")
	_, err = s.Setup(t.Context(), "nobody")
	refused(t, err, fault.NotFound)
}

func TestThereIsExactlyOneDefaultFromTheFirstSettingsOn(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	book := func() string {
		t.Helper()
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		return st.SMTP.Default
	}
	must(t)(s.PutSMTP(ctx, "acme", mail("a")))
	must(t)(s.PutSMTP(ctx, "acme", mail("b")))
	if book() != "a" {
		t.Errorf("default = %q, want the first", book())
	}
	moved := mail("b")
	moved.Default = true
	must(t)(s.PutSMTP(ctx, "acme", moved))
	if book() != "b" {
		t.Errorf("default = %q, want the one whose document says so", book())
	}
	must(t)(s.PutSMTP(ctx, "acme", mail("b")))
	if book() != "b" {
		t.Errorf("default = %q: saying nothing moved it", book())
	}
	must(t)(s.SetDefaultSMTP(ctx, "acme", "a"))
	_, err := s.DeleteSMTP(ctx, "acme", "a")
	refused(t, err, fault.Conflict, "", "smtp.default")
	must(t)(s.DeleteSMTP(ctx, "acme", "b"))
	must(t)(s.DeleteSMTP(ctx, "acme", "a"))
	if book() != "" {
		t.Errorf("default = %q of no settings", book())
	}
	_, err = s.SetDefaultSMTP(ctx, "acme", "a")
	refused(t, err, fault.NotFound)
}

func TestWhatIsInUseStaysAndTheUsersAreNamed(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	types(t, s, "billing")
	must(t)(s.PutSMTP(ctx, "acme", mail("a")))
	must(t)(s.PutSMTP(ctx, "acme", mail("b")))
	named := canned("named")
	named.SMTP, named.To = "b", []email.Recipient{{ContactType: "billing"}}
	must(t)(s.PutEmail(ctx, "acme", named))
	must(t)(s.PutEmail(ctx, "acme", canned("plain")))
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	must(t)(s.PutSubscription(ctx, "acme", emailing("s1", "named")))
	must(t)(s.PutSubscription(ctx, "acme", webhook("s2", "h")))

	_, err := s.DeleteSMTP(ctx, "acme", "b")
	refused(t, err, fault.Conflict, "", "reference.in_use")
	if !strings.Contains(err.Error(), "canned email named") {
		t.Errorf("%v does not name the user", err)
	}
	_, err = s.DeleteEmail(ctx, "acme", "named")
	refused(t, err, fault.Conflict, "", "reference.in_use")
	_, err = s.DeleteEndpoint(ctx, "acme", "h")
	refused(t, err, fault.Conflict, "", "reference.in_use")
	_, err = s.DeleteContactType(ctx, "acme", "billing")
	refused(t, err, fault.Conflict, "", "reference.in_use")
	named.Active = new(false)
	_, err = s.PutEmail(ctx, "acme", named)
	refused(t, err, fault.Invalid, "/active", "reference.in_use")

	must(t)(s.DeleteSubscription(ctx, "acme", "s1"))
	must(t)(s.DeleteSubscription(ctx, "acme", "s2"))
	must(t)(s.PutEmail(ctx, "acme", named))
	must(t)(s.DeleteEmail(ctx, "acme", "named"))
	must(t)(s.DeleteEndpoint(ctx, "acme", "h"))
	must(t)(s.DeleteSMTP(ctx, "acme", "b"))
	_, err = s.DeleteSMTP(ctx, "acme", "a")
	refused(t, err, fault.Conflict, "", "reference.in_use") // "plain" follows the default
	must(t)(s.DeleteContactType(ctx, "acme", "billing"))
}

func TestAReferenceMustExist(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	_, err := s.PutEmail(ctx, "acme", canned("e"))
	refused(t, err, fault.Invalid, "/smtp", "reference.unknown")
	must(t)(s.PutSMTP(ctx, "acme", mail("a")))
	bad := canned("e")
	bad.SMTP, bad.CC = "other", []email.Recipient{{Address: "a@example.com"}, {ContactType: "none"}}
	_, err = s.PutEmail(ctx, "acme", bad)
	refused(t, err, fault.Invalid, "/smtp", "reference.unknown")
	refused(t, err, fault.Invalid, "/cc/1/contact_type", "reference.unknown")
	_, err = s.PutSubscription(ctx, "acme", webhook("s", "h"))
	refused(t, err, fault.Invalid, "/webhook/endpoint", "reference.unknown")
	_, err = s.PutSubscription(ctx, "acme", emailing("s", "e"))
	refused(t, err, fault.Invalid, "/email/canned_email", "reference.unknown")

	asleep := canned("asleep")
	asleep.Active = new(false)
	must(t)(s.PutEmail(ctx, "acme", asleep))
	_, err = s.PutSubscription(ctx, "acme", emailing("s", "asleep"))
	refused(t, err, fault.Invalid, "/email/canned_email", "email.inactive")
	nobody := canned("nobody")
	nobody.To = nil
	must(t)(s.PutEmail(ctx, "acme", nobody))
	_, err = s.PutSubscription(ctx, "acme", emailing("s", "nobody"))
	refused(t, err, fault.Invalid, "/email/to", "recipient.required")
}

func TestAnAccountHasOneContactPerType(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	types(t, s, "billing", "technical")
	a := account.Account{ID: "a", Name: "A", Contacts: []account.Contact{{ID: "1", Type: "billing"}, {ID: "2", Type: "billing"}}}
	_, err := s.PutAccount(ctx, "acme", a)
	refused(t, err, fault.Invalid, "/contacts/1/type", "contact.second")
	a.Contacts[1].Type = "none"
	_, err = s.PutAccount(ctx, "acme", a)
	refused(t, err, fault.Invalid, "/contacts/1/type", "contact_type.unknown")
	a.Contacts[1].Type = "technical"
	must(t)(s.PutAccount(ctx, "acme", a))
	_, err = s.DeleteContactType(ctx, "acme", "technical")
	refused(t, err, fault.Conflict, "", "reference.in_use")
	got, err := s.Account(ctx, "acme", "a")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&a, got); d != "" {
		t.Error(d)
	}
	must(t)(s.DeleteAccount(ctx, "acme", "a"))
	must(t)(s.DeleteContactType(ctx, "acme", "technical"))
}

func TestAContactTakesAnothersPlaceOnlyWhenItSaysSo(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	types(t, s, "billing", "technical")
	put := func(id, contactType string, replace bool) (setup.Change, error) {
		return s.PutContact(ctx, "acme", account.ContactDocument{
			Account: "a", Contact: account.Contact{ID: id, Type: contactType, Email: id + "@example.com"}, Replace: replace,
		})
	}
	has := func(want ...string) {
		t.Helper()
		a, err := s.Account(ctx, "acme", "a")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range a.Contacts {
			got = append(got, c.Type+" "+c.ID)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	_, err := put("ada", "billing", false)
	refused(t, err, fault.Invalid, "/account", "reference.unknown")
	must(t)(s.PutAccount(ctx, "acme", account.Account{ID: "a", Name: "A"}))
	if c := must(t)(put("ada", "billing", false)); c.Action != setup.Created {
		t.Errorf("action = %s", c.Action)
	}
	_, err = put("bob", "billing", false)
	refused(t, err, fault.Invalid, "/type", "contact.second")
	_, err = put("bob", "none", true)
	refused(t, err, fault.Invalid, "/type", "contact_type.unknown")
	must(t)(put("bob", "technical", false))
	_, err = put("bob", "billing", false) // he is there, and her place is taken
	refused(t, err, fault.Invalid, "/type", "contact.second")
	has("billing ada", "technical bob")
	if c := must(t)(put("bob", "billing", true)); c.Action != setup.Updated {
		t.Errorf("action = %s", c.Action)
	}
	has("billing bob")
	if c := must(t)(put("bob", "billing", true)); c.Action != setup.Unchanged {
		t.Errorf("saving the same again: %s", c.Action)
	}
	must(t)(s.PutAccount(ctx, "acme", account.Account{ID: "a", Name: "B"}))
	has("billing bob")
	must(t)(s.PutAccount(ctx, "acme", account.Account{ID: "a", Name: "B", Contacts: []account.Contact{}}))
	has()
}

func TestAPasswordIsKeptUntilTheServerChanges(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	d := mail("a")
	d.Username, d.Password = "u", new(secret.NewText("p4ssw0rd"))
	must(t)(s.PutSMTP(ctx, "acme", d))
	if c := must(t)(s.PutSMTP(ctx, "acme", d)); c.Action != setup.Unchanged {
		t.Errorf("the same password is a change: %+v", c)
	}
	d.Password = nil
	d.FromName = "Acme"
	must(t)(s.PutSMTP(ctx, "acme", d))
	d.Host = "evil.example.net"
	_, err := s.PutSMTP(ctx, "acme", d)
	refused(t, err, fault.Invalid, "/password", "password.again")
	d.Password = new(secret.NewText("other"))
	c := must(t)(s.PutSMTP(ctx, "acme", d))
	if len(c.Secrets) != 1 {
		t.Errorf("secrets = %v", c.Secrets)
	}
	d.Password = new(secret.NewText(""))
	_, err = s.PutSMTP(ctx, "acme", d)
	refused(t, err, fault.Invalid, "/password", "field.required")
}

// dkimKey signs nothing but tests.
const dkimKey = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
`

func TestADKIMKeyIsKeptWithItsDKIMAndItsRecordIsTold(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	kept := func() (sealed secret.Sealed) {
		t.Helper()
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		set, _ := st.SMTP.Find("a")
		return set.DKIMKey
	}
	d := mail("a")
	d.DKIMKey = new(secret.NewText(dkimKey))
	_, err := s.PutSMTP(ctx, "acme", d)
	refused(t, err, fault.Invalid, "/dkim_key", "dkim.none")
	d.DKIM, d.DKIMKey = &smtp.DKIM{Domain: "example.com", Selector: "a"}, nil
	_, err = s.PutSMTP(ctx, "acme", d)
	refused(t, err, fault.Invalid, "/dkim_key", "field.required")
	d.DKIMKey = new(secret.NewText("none"))
	_, err = s.PutSMTP(ctx, "acme", d)
	refused(t, err, fault.Invalid, "/dkim_key", "dkim.key")

	d.DKIMKey = new(secret.NewText(dkimKey))
	c := must(t)(s.PutSMTP(ctx, "acme", d))
	if len(c.Secrets) != 1 || !strings.HasPrefix(c.PublicKey, `a._domainkey.example.com TXT "v=DKIM1; k=ed25519; p=`) {
		t.Errorf("change = %+v", c)
	}
	if plain, err := b.sealer.Open(smtp.DKIMPlace("acme", "a"), kept()); err != nil || plain.Reveal() != dkimKey {
		t.Errorf("kept %q, %v", plain.Reveal(), err)
	}
	if c := must(t)(s.PutSMTP(ctx, "acme", d)); c.Action != setup.Unchanged || c.PublicKey == "" {
		t.Errorf("the same key again: %+v", c)
	}
	d.DKIMKey, d.Host = nil, "mail2.example.com"
	must(t)(s.PutSMTP(ctx, "acme", d)) // the key goes to no server
	if kept() == "" {
		t.Error("an edit lost the key")
	}
	d.DKIM = nil
	if c := must(t)(s.PutSMTP(ctx, "acme", d)); len(c.Secrets) != 1 || kept() != "" {
		t.Errorf("a key without dkim is kept: %+v", c)
	}
}

func TestAPasswordIsOneLine(t *testing.T) {
	_, s := start(t)
	for _, text := range []string{"a\x00b", "a\r\nb", strings.Repeat("a", 8193)} {
		d := mail("a")
		d.Username, d.Password = "u", new(secret.NewText(text))
		_, err := s.PutSMTP(t.Context(), "acme", d)
		refused(t, err, fault.Invalid)
		if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Pointer != "/password" {
			t.Errorf("problems = %v", p)
		}
	}
}

func TestVersionsMeetEventsAtSequences(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	accept := func(n int) {
		t.Helper()
		for range n {
			if _, err := b.js.Publish(ctx, subject.Event(0, "acme", "invoice.posted"), []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
	}
	stored := func() *subscription.Subscription {
		t.Helper()
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		return st.Subscriptions["s"]
	}
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	accept(3)
	must(t)(s.PutSubscription(ctx, "acme", webhook("s", "h")))
	if c := must(t)(s.PutSubscription(ctx, "acme", webhook("s", "h"))); c.Action != setup.Unchanged {
		t.Errorf("saving the same again: %s", c.Action)
	}
	accept(2)
	second := webhook("s", "h")
	second.Events = []string{"invoice.overdue"}
	must(t)(s.PutSubscription(ctx, "acme", second))
	accept(2)
	second.Active = new(false)
	must(t)(s.PutSubscription(ctx, "acme", second))
	accept(2)
	second.Active = nil
	must(t)(s.PutSubscription(ctx, "acme", second))
	accept(2)
	must(t)(s.DeleteSubscription(ctx, "acme", "s"))
	accept(1)
	sub := stored()
	var got []int
	for seq := range uint64(13) {
		revision := 0
		if v, ok := sub.VersionAt(seq); ok {
			revision = v.Revision
		}
		if sub.Ended(seq) == (revision > 0) && seq > 0 {
			t.Errorf("event %d is both wanted and behind an end, or neither", seq)
		}
		got = append(got, revision)
	}
	want := []int{0, 0, 0, 0, 1, 1, 2, 2, 0, 0, 4, 4, 0}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if v, _ := sub.VersionAt(4); v.Spec.Events[0] != "invoice.posted" {
		t.Errorf("version 1 wants %v", v.Spec.Events)
	}
	_, err := s.DeleteSubscription(ctx, "acme", "s")
	refused(t, err, fault.NotFound)
	must(t)(s.PutSubscription(ctx, "acme", webhook("s", "h")))
	if sub := stored(); !sub.Live() || sub.Revision != 6 || len(sub.Versions) != 4 {
		t.Errorf("made again: %+v", sub)
	}
}

func TestANewSubscriptionMayBeginInThePastAndOnlyANewOne(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	from := func(id string) uint64 {
		t.Helper()
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		v := st.Subscriptions[id].Versions
		return v[len(v)-1].FromSeq
	}
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	third := b.accepted(t, 3)
	b.accepted(t, 2)
	for _, row := range []struct {
		id, start string
		want      uint64
	}{
		{"now", "now", 5}, {"silent", "", 5}, {"beginning", "beginning", 0},
		{"third", third.Format(time.RFC3339Nano), 2}, {"long", "2001-01-01T00:00:00+02:00", 0},
	} {
		spec := webhook(row.id, "h")
		spec.Start = row.start
		must(t)(s.PutSubscription(ctx, "acme", spec))
		if got := from(row.id); got != row.want {
			t.Errorf("%s begins behind %d, want %d", row.id, got, row.want)
		}
	}
	b.accepted(t, 1)
	again := webhook("beginning", "h")
	again.Start, again.Name = "beginning", "changed"
	must(t)(s.PutSubscription(ctx, "acme", again))
	if got := from("beginning"); got != 6 {
		t.Errorf("a changed subscription begins behind %d", got)
	}
	// Under the id of one that is deleted the past may be known already.
	must(t)(s.DeleteSubscription(ctx, "acme", "beginning"))
	_, err := s.PutSubscription(ctx, "acme", again)
	refused(t, err, fault.Invalid, "/start", "start.again")
	again.Start = "now"
	must(t)(s.PutSubscription(ctx, "acme", again))
}

func TestADeletedSubscriptionGoesForGoodWhenNobodyNeedsIt(t *testing.T) {
	b, _ := start(t)
	ctx := t.Context()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b.deps.Now = func() time.Time { return now }
	s := store.New(b.deps)
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	must(t)(s.PutSubscription(ctx, "acme", webhook("gone", "h")))
	must(t)(s.PutSubscription(ctx, "acme", webhook("kept", "h")))
	must(t)(s.DeleteSubscription(ctx, "acme", "gone"))
	for _, row := range []struct {
		after time.Duration
		left  int
	}{{subscription.KeepEnded - time.Hour, 2}, {2 * time.Hour, 1}} {
		now = now.Add(row.after)
		if err := s.Prune(ctx); err != nil {
			t.Fatal(err)
		}
		st, err := s.Setup(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Subscriptions) != row.left || st.Subscriptions["kept"] == nil {
			t.Errorf("after %s: %v", row.after, st.Subscriptions)
		}
	}
}

func TestASubscriptionChangedTooOftenIsRefused(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	spec := webhook("s", "h")
	for i := range subscription.MaxVersions {
		spec.Name = name("n", i)
		must(t)(s.PutSubscription(ctx, "acme", spec))
	}
	must(t)(s.PutSubscription(ctx, "acme", spec)) // saving the same again is no change
	spec.Name = "one more"
	_, err := s.PutSubscription(ctx, "acme", spec)
	refused(t, err, fault.Exhausted)
	must(t)(s.DeleteSubscription(ctx, "acme", "s"))
}
