package ingest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestEveryFormBecomesTheSameEvent(t *testing.T) {
	r := newRig(t)
	in := r.start(options{})
	now := time.Now().UTC().Truncate(time.Second)
	at, data := now.Format(time.RFC3339), `{"Invoice.Total":"12.50"}`
	cloud := func(id string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"s","type":"invoice.posted","subject":"A-1","time":%q,"data":%s}`, id, at, data)
	}
	r.publish(posted("acme"), []byte(fmt.Sprintf(`{"id":"e0","time":%q,"account":"A-1","data":%s}`, at, data)), nil)
	r.publish(posted("acme"), []byte(cloud("e1")), map[string]string{"content-type": "application/cloudevents+json"})
	r.publish(posted("acme"), []byte(data), map[string]string{
		"ce-specversion": "1.0", "ce-id": "e2", "ce-source": "s", "ce-type": "invoice.posted", "ce-subject": "A-1", "ce-time": at,
	})
	if w := r.post(in, "/v1/owners/acme/events", fmt.Sprintf(`{"id":"e3","type":"invoice.posted","time":%q,"account":"A-1","data":%s}`, at, data), nil); w.Code != 202 {
		t.Fatal(w.Code, w.Body)
	}
	if w := r.post(in, "/v1/owners/acme/events", "["+cloud("e4")+"]", map[string]string{"Content-Type": "application/cloudevents-batch+json"}); w.Code != 202 {
		t.Fatal(w.Code, w.Body)
	}
	for i, e := range r.events(5) {
		if e.ID != fmt.Sprintf("e%d", i) || e.Owner != "acme" || e.Type != "invoice.posted" || e.Account != "A-1" || !e.Time.Equal(now) {
			t.Errorf("event %d: %+v", i, e)
		}
		if e.Data.Text("Invoice.Total") != "12.50" || e.Data.Text("Account.Name") != "Northwind" || e.Data.Text("Account.Currency") != "EUR" {
			t.Errorf("event %d: data %v", i, e.Data)
		}
	}
	if n := r.count(topology.Rejected); n != 0 {
		t.Errorf("%d refused", n)
	}
}

func TestAccountValuesAreFrozenWhenTheEventIsAccepted(t *testing.T) {
	r := newRig(t)
	r.start(options{})
	r.publish(posted("acme"), []byte(plain("e1")), nil)
	before := r.events(1)[0].Data.Text("Account.Name")
	r.put(topology.Accounts, "acme.A-1", map[string]string{"id": "A-1", "name": "Southwind"})
	if after := r.events(1)[0].Data.Text("Account.Name"); before != "Northwind" || after != before {
		t.Errorf("%q became %q", before, after)
	}
}

// Every item of bad input, by both ways in, with the place and the rule.
func TestBadInputIsRefusedByBothInlets(t *testing.T) {
	r := newRig(t)
	in := r.start(options{})
	with := func(member, value string) string {
		members := map[string]string{"id": `"e"`, "time": `"2026-01-02T03:04:05Z"`, "account": `"A-1"`}
		members[member] = value
		var parts []string
		for k, v := range members {
			parts = append(parts, fmt.Sprintf("%q:%s", k, v))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)
	for i, row := range []struct {
		name, typ, body, reason, pointer, rule string
	}{
		{"unknown type", "invoice.postd", with("account", `"A-1"`), "unknown_type", "/type", "type.unknown"},
		{"reserved type", "delivery.parked", with("account", `"A-1"`), "reserved_type", "/type", "type.reserved"},
		{"scheduled type", "invoice.delivery_date_plus", with("account", `"A-1"`), "reserved_type", "/type", "type.reserved"},
		{"unknown token", "invoice.posted", with("data", `{"Invoice.Totl":"1"}`), "malformed", "/data/Invoice.Totl", "token.unknown"},
		{"token of another case", "invoice.posted", with("data", `{"invoice.total":"1"}`), "malformed", "/data/invoice.total", "token.unknown"},
		{"oversize", "invoice.posted", with("data", `{"Account.Name":"`+strings.Repeat("x", event.MaxBytes)+`"}`), "malformed", "", "event.size"},
		{"too deep", "invoice.posted", with("data", `{"a":`+deep+`}`), "malformed", "/data/a/0/0/0/0/0/0", "json.depth"},
		{"duplicate member", "invoice.posted", `{"id":"e","id":"f"}`, "malformed", "/id", "json.duplicate"},
		{"duplicate token", "invoice.posted", with("data", `{"Invoice.Total":"1","Invoice.Total":"2"}`), "malformed", "/data/Invoice.Total", "json.duplicate"},
		{"case variant", "invoice.posted", with("Account", `"A-2"`), "malformed", "/Account", "member.case"},
		{"invalid utf-8", "invoice.posted", with("data", "{\"Account.Name\":\"\xff\"}"), "malformed", "", "json.utf8"},
		{"lone surrogate", "invoice.posted", with("data", `{"Account.Name":"\ud800"}`), "malformed", "/data/Account.Name", "json.surrogate"},
		{"huge number", "invoice.posted", with("data", `{"Account.Bill Day":1e999999}`), "malformed", "/data/Account.Bill Day", "json.number"},
		{"number of many digits", "invoice.posted", with("data", `{"Account.Bill Day":`+strings.Repeat("9", 100)+`}`), "malformed", "/data/Account.Bill Day", "json.number"},
		{"number out of range", "invoice.posted", with("data", `{"Account.Bill Day":9223372036854775808}`), "malformed", "/data/Account.Bill Day", "value.range"},
		{"time without zone", "invoice.posted", with("time", `"2026-01-02T03:04:05"`), "malformed", "/time", "time.malformed"},
		{"time as a number", "invoice.posted", with("time", `1`), "malformed", "/time", "value.kind"},
		{"time far ahead", "invoice.posted", with("time", `"9999-01-02T03:04:05Z"`), "malformed", "/time", "time.range"},
		{"wrong date", "invoice.posted", with("data", `{"Invoice.DueDate":"2026-02-30"}`), "malformed", "/data/Invoice.DueDate", "value.form"},
		{"id with a dot", "invoice.posted", with("id", `"a.b"`), "malformed", "/id", "id.malformed"},
		{"id with a wildcard", "invoice.posted", with("id", `"a*"`), "malformed", "/id", "id.malformed"},
		{"account with a wildcard", "invoice.posted", with("account", `">"`), "malformed", "/account", "id.malformed"},
		{"owner in the body", "invoice.posted", with("owner", `"globex"`), "malformed", "/owner", "member.unknown"},
		{"no json", "invoice.posted", `hello`, "malformed", "", "json.syntax"},
	} {
		r.publish(subject.Platform("acme", row.typ), []byte(row.body), nil)
		got := r.rejected(i + 1)[i]
		if got.Subject != subject.Rejected("acme", row.reason) || got.Reason != row.reason || len(got.Problems) == 0 ||
			got.Problems[0].Pointer != row.pointer || got.Problems[0].Rule != row.rule || got.Problems[0].Detail == "" || got.Bytes != len(row.body) {
			t.Errorf("%s over nats: %.300v", row.name, fmt.Sprint(got))
		}
		if kept := got.Payload + string(got.Base64); kept != row.body[:min(len(row.body), event.MaxBytes)] {
			t.Errorf("%s: payload is not kept: %.100s", row.name, kept)
		}
		typed := row.body
		if strings.HasPrefix(typed, "{") {
			typed = fmt.Sprintf(`{"type":%q,%s`, row.typ, typed[1:])
		}
		w := r.post(in, "/v1/owners/acme/events", typed, nil)
		var answer struct {
			Errors []struct{ Pointer, Rule, Detail string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		if w.Code != 422 && !(w.Code == 413 && row.rule == "event.size") || len(answer.Errors) == 0 || answer.Errors[0].Pointer != row.pointer || answer.Errors[0].Rule != row.rule {
			t.Errorf("%s over http: %d %.300s", row.name, w.Code, w.Body)
		}
	}
	// The owner is told of it, within its window once.
	for _, e := range r.events(r.count(topology.Events)) {
		if e.Type != "event.rejected" {
			t.Errorf("stored %+v", e)
		}
	}
}

func TestWrongOwnerIsRefused(t *testing.T) {
	r := newRig(t)
	in := r.start(options{})
	r.publish(posted("globex"), []byte(plain("e1")), nil)
	r.publish(posted("glo$ex"), []byte(plain("e2")), nil)
	for i, owner := range []string{"globex", "glo$ex"} {
		if got := r.rejected(2)[i]; got.Subject != subject.Rejected(owner, "unknown_owner") || got.Problems[0].Rule != "owner.unknown" {
			t.Errorf("%+v", got)
		}
	}
	if w := r.post(in, "/v1/owners/globex/events", plain("e1"), nil); w.Code != http.StatusNotFound {
		t.Errorf("answered %d", w.Code)
	}
}

func TestEventsOfAnOwnerSavedThisMomentAreNotRefused(t *testing.T) {
	r := newRig(t)
	r.start(options{})
	for i := range 20 {
		name := fmt.Sprintf("owner%d", i)
		r.put(topology.Owners, name, owner.Owner{ID: name, Name: name})
		r.publish(posted(name), []byte(plain("e1")), nil)
	}
	r.events(20)
}

func TestBillhookItselfMayPublishItsOwnTypes(t *testing.T) {
	r := newRig(t)
	r.start(options{})
	r.publish(subject.Internal("acme", "invoice.delivery_date_plus"), []byte(plain("e1")), nil)
	if e := r.events(1)[0]; e.Type != "invoice.delivery_date_plus" {
		t.Errorf("%+v", e)
	}
}

func TestSameIdIsTakenOncePerOwner(t *testing.T) {
	r := newRig(t)
	r.put(topology.Owners, "globex", owner.Owner{ID: "globex", Name: "Globex"})
	in := r.start(options{})
	for range 3 {
		r.publish(posted("acme"), []byte(plain("e1")), nil)
		r.publish(posted("globex"), []byte(plain("e1")), nil)
		r.post(in, "/v1/owners/acme/events", `{"type":"invoice.posted",`+plain("e1")[1:], nil)
	}
	r.publish(posted("acme"), []byte(plain("e2")), nil)
	r.publish(posted("globex"), []byte(plain("e2")), nil)
	got := map[string]int{}
	for _, e := range r.events(4) {
		got[e.Owner+"/"+e.ID]++
	}
	if len(got) != 4 || r.count(topology.Events) != 4 {
		t.Errorf("got %v, %d events", got, r.count(topology.Events))
	}
}

func TestQuotaOnNATSIsCountedInTheTimeOfTheStream(t *testing.T) {
	r := newRig(t)
	r.put(topology.Owners, "acme", owner.Owner{ID: "acme", Name: "Acme", Quotas: owner.Quotas{EventsPerDay: 3}})
	for i := range 5 {
		r.publish(posted("acme"), []byte(plain(fmt.Sprintf("e%d", i))), nil)
	}
	in := r.start(options{})
	r.published(3)
	if got := r.rejected(2)[0]; got.Reason != "quota_exceeded" || got.Problems[0].Rule != "quota.exceeded" {
		t.Errorf("%+v", got)
	}
	// The counts survive a change of hands.
	r.stored(5)
	in.stop()
	in = r.start(options{})
	r.publish(posted("acme"), []byte(plain("e9")), nil)
	r.rejected(3)
	// What HTTP counted is not counted again.
	if w := r.post(in, "/v1/owners/acme/events", `{"type":"invoice.posted",`+plain("h1")[1:], nil); w.Code != 202 {
		t.Errorf("answered %d", w.Code)
	}
	r.published(4)
}

func TestRefusedPayloadThatIsNoTextIsKeptAsBytes(t *testing.T) {
	r := newRig(t)
	r.start(options{})
	r.publish(posted("acme"), []byte{0, 1, 0xff}, map[string]string{"ce-id": "a.b", "Authorization": "secret"})
	got := r.rejected(1)[0]
	if base64.StdEncoding.EncodeToString(got.Base64) != "AAH/" || got.Headers["ce-id"] != "a.b" || len(got.Headers) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestInboxIsPurgedBehindTheCheckpointsAndNothingIsMissed(t *testing.T) {
	r := newRig(t)
	r.put(topology.Owners, "globex", owner.Owner{ID: "globex", Name: "Globex"})
	quick := options{cfg: func(c *ingest.Config) { c.PurgeEvery = 20 * time.Millisecond }}
	in := r.start(quick)
	for i := range 50 {
		r.publish(posted("acme"), []byte(plain(fmt.Sprintf("a%d", i))), nil)
	}
	r.publish(posted("globex"), []byte(plain("g")), nil)
	r.events(51)
	r.eventually("INBOX is empty", func() bool { return r.count(topology.Inbox) == 0 })
	in.stop()
	r.publish(posted("globex"), []byte(plain("g2")), nil)
	r.start(quick)
	r.publish(posted("acme"), []byte(plain("last")), nil)
	r.events(53)
	if n := r.count(topology.Gaps); n != 0 {
		t.Errorf("%d gaps recorded", n)
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	if _, err := ingest.New(ingest.Config{}, ingest.Deps{}); err == nil || !strings.Contains(err.Error(), "INGEST_LEASE") || !strings.Contains(err.Error(), "INGEST_BATCH") {
		t.Errorf("got %v", err)
	}
}
