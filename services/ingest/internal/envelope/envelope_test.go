package envelope_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/services/ingest/internal/strictjson"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

var (
	latest = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	posted = time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)
	want   = envelope.Candidate{
		ID: "evt_1", Type: "invoice.posted", Account: "A-1001", Time: posted,
		Data: event.Values{
			"Invoice.Total": event.Str("12.50"), "Account.Bill Day": event.Num("15"), "Schedule.Late": event.Boolean(true),
		},
	}
)

const data = `{"Invoice.Total":"12.50","Account.Bill Day":15,"Schedule.Late":true,"Invoice.Number":null}`

func headers(pairs ...string) map[string][]string {
	h := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
	}
	return h
}

func binaryHeaders() map[string][]string {
	return headers("ce-specversion", "1.0", "ce-id", "evt_1", "ce-source", "/billing", "ce-type", "invoice.posted",
		"ce-subject", "A-1001", "ce-time", "2026-11-23T14:05:00Z", "content-type", "application/json")
}

func compare() cmp.Option {
	return cmp.Comparer(func(a, b event.Value) bool { return a == b })
}

func TestEveryFormReadsAsTheSameEvent(t *testing.T) {
	plain := `{"id":"evt_1","time":"2026-11-23T15:05:00+01:00","account":"A-1001","data":` + data + `}`
	typed := `{"type":"invoice.posted",` + plain[1:]
	cloud := `{"specversion":"1.0","id":"evt_1","source":"/billing","type":"invoice.posted","subject":"A-1001",` +
		`"time":"2026-11-23T14:05:00Z","datacontenttype":"application/json; charset=utf-8","dataschema":"urn:x","traceparent":"00-1","data":` + data + `}`
	mixed := binaryHeaders()
	mixed["Ce-Id"], mixed["Other"] = mixed["ce-id"], []string{"a", "b"}
	delete(mixed, "ce-id")
	for name, in := range map[string]envelope.Input{
		"plain, typed by the subject":   {Body: []byte(plain), Type: "invoice.posted"},
		"plain, typed by both":          {Body: []byte(typed), Type: "invoice.posted"},
		"plain, typed by itself":        {Body: []byte(typed)},
		"plain with a content type":     {Body: []byte(typed), Header: headers("Content-Type", "application/json; charset=utf-8")},
		"structured by content type":    {Body: []byte(cloud), Header: headers("content-type", "application/cloudevents+json"), Type: "invoice.posted"},
		"structured by its specversion": {Body: []byte(cloud), Type: "invoice.posted"},
		"binary":                        {Body: []byte(data), Header: binaryHeaders(), Type: "invoice.posted"},
		"binary, typed by itself":       {Body: []byte(data), Header: binaryHeaders()},
		"binary, header case":           {Body: []byte(data), Header: mixed},
	} {
		in.Latest = latest
		got, problems := envelope.Parse(in)
		if diff := cmp.Diff(want, got, compare()); diff != "" || problems != nil {
			t.Errorf("%s: %v\n%s", name, problems, diff)
		}
	}
}

func TestEventWithoutAccountOrDataIsWellFormed(t *testing.T) {
	h := binaryHeaders()
	delete(h, "ce-subject")
	for name, in := range map[string]envelope.Input{
		"plain":  {Body: []byte(`{"id":"a","time":"2026-11-23T14:05:00Z","account":null}`), Type: "bill_run.started"},
		"binary": {Header: h},
	} {
		in.Latest = latest
		got, problems := envelope.Parse(in)
		if problems != nil || got.Account != "" || got.Data == nil {
			t.Errorf("%s: %+v, %v", name, got, problems)
		}
	}
}

// plainWith is a good plain event with one member replaced or added.
func plainWith(member, value string) string {
	members := map[string]string{"id": `"a"`, "time": `"2026-11-23T14:05:00Z"`, "data": `{}`}
	members[member] = value
	var parts []string
	for k, v := range members {
		if v != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", k, v))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestBadPlainInputIsRefusedWithPlaceAndRule(t *testing.T) {
	for _, row := range []struct{ name, text, pointer, rule string }{
		{"oversize", `"` + strings.Repeat("x", event.MaxBytes-1) + `"`, "", envelope.RuleSize},
		{"no object", `[]`, "", envelope.RuleKind},
		{"too deep", plainWith("data", `{"a":`+strings.Repeat("[", 9)+strings.Repeat("]", 9)+`}`), "/data/a/0/0/0/0/0/0", strictjson.RuleDepth},
		{"duplicate member", `{"id":"a","id":"a"}`, "/id", strictjson.RuleDuplicate},
		{"case variant beside", plainWith("ID", `"b"`), "/ID", envelope.RuleCase},
		{"case variant alone", `{"Id":"a","time":"2026-11-23T14:05:00Z"}`, "/Id", envelope.RuleCase},
		{"owner in the body", plainWith("owner", `"acme"`), "/owner", envelope.RuleMember},
		{"unknown member", plainWith("extra", `1`), "/extra", envelope.RuleMember},
		{"invalid utf-8", plainWith("account", "\"\xff\""), "", strictjson.RuleUTF8},
		{"huge number", plainWith("data", `{"a":1e999}`), "/data/a", strictjson.RuleNumber},
		{"nested value", plainWith("data", `{"a":{"b":1}}`), "/data/a", envelope.RuleKind},
		{"list value", plainWith("data", `{"a":[1]}`), "/data/a", envelope.RuleKind},
		{"data is text", plainWith("data", `"{}"`), "/data", envelope.RuleKind},
		{"no id", plainWith("id", ""), "/id", envelope.RuleMissing},
		{"null id", plainWith("id", "null"), "/id", envelope.RuleMissing},
		{"empty id", plainWith("id", `""`), "/id", envelope.RuleID},
		{"id with a dot", plainWith("id", `"a.b"`), "/id", envelope.RuleID},
		{"id with a wildcard", plainWith("id", `"a*"`), "/id", envelope.RuleID},
		{"id with the other wildcard", plainWith("id", `">"`), "/id", envelope.RuleID},
		{"id of 65 characters", plainWith("id", `"`+strings.Repeat("a", 65)+`"`), "/id", envelope.RuleID},
		{"id with a line end", plainWith("id", `"a\n"`), "/id", envelope.RuleID},
		{"numeric id", plainWith("id", "7"), "/id", envelope.RuleKind},
		{"account with a dot", plainWith("account", `"a.b"`), "/account", envelope.RuleID},
		{"empty account", plainWith("account", `""`), "/account", envelope.RuleID},
		{"other type than the subject's", plainWith("type", `"invoice.voided"`), "/type", envelope.RuleType},
		{"no time", plainWith("time", ""), "/time", envelope.RuleMissing},
		{"time without a zone", plainWith("time", `"2026-11-23T14:05:00"`), "/time", envelope.RuleTime},
		{"date only", plainWith("time", `"2026-11-23"`), "/time", envelope.RuleTime},
		{"time with a space", plainWith("time", `"2026-11-23 14:05:00Z"`), "/time", envelope.RuleTime},
		{"time with a comma", plainWith("time", `"2026-11-23T14:05:00,5Z"`), "/time", envelope.RuleTime},
		{"one-digit hour", plainWith("time", `"2026-11-23T4:05:00Z"`), "/time", envelope.RuleTime},
		{"thirteenth month", plainWith("time", `"2026-13-23T14:05:00Z"`), "/time", envelope.RuleTime},
		{"February 30", plainWith("time", `"2026-02-30T14:05:00Z"`), "/time", envelope.RuleTime},
		{"zone out of range", plainWith("time", `"2026-11-23T14:05:00+25:00"`), "/time", envelope.RuleTime},
		{"Unix seconds", plainWith("time", `1795442700`), "/time", envelope.RuleKind},
		{"before 1970", plainWith("time", `"1969-12-31T23:59:59Z"`), "/time", envelope.RuleTimeRange},
		{"far ahead", plainWith("time", `"2026-11-24T12:00:01Z"`), "/time", envelope.RuleTimeRange},
		{"year 10000", plainWith("time", `"10000-01-01T00:00:00Z"`), "/time", envelope.RuleTime},
	} {
		_, problems := envelope.Parse(envelope.Input{Body: []byte(row.text), Type: "invoice.posted", Latest: latest})
		refused(t, row.name, problems, fault.Problem{Pointer: row.pointer, Rule: row.rule})
	}
}

// refused fails unless the wanted problem is among the problems, with a detail.
func refused(t *testing.T, name string, problems fault.Problems, want fault.Problem) {
	t.Helper()
	for _, p := range problems {
		if p.Pointer == want.Pointer && p.Rule == want.Rule && p.Detail != "" {
			return
		}
	}
	t.Errorf("%s: got %v, want %s at %q", name, problems, want.Rule, want.Pointer)
}

func TestBadCloudEventsAreRefusedWithPlaceAndRule(t *testing.T) {
	good := `"id":"a","source":"s","type":"invoice.posted","time":"2026-11-23T14:05:00Z"`
	for _, row := range []struct{ name, text, pointer, rule string }{
		{"other version", `{"specversion":"0.3",` + good + `}`, "/specversion", envelope.RuleVersion},
		{"numeric version", `{"specversion":1.0,` + good + `}`, "/specversion", envelope.RuleKind},
		{"no version", `{` + good + `}`, "/specversion", envelope.RuleMissing},
		{"no source", `{"specversion":"1.0","id":"a","type":"invoice.posted","time":"2026-11-23T14:05:00Z"}`, "/source", envelope.RuleMissing},
		{"binary data", `{"specversion":"1.0",` + good + `,"data_base64":"e30="}`, "/data_base64", envelope.RuleBinaryData},
		{"account member", `{"specversion":"1.0",` + good + `,"account":"A"}`, "/account", envelope.RuleMember},
		{"owner member", `{"specversion":"1.0",` + good + `,"owner":"A"}`, "/owner", envelope.RuleMember},
		{"case variant", `{"specversion":"1.0",` + good + `,"Subject":"A"}`, "/Subject", envelope.RuleCase},
		{"no attribute name", `{"specversion":"1.0",` + good + `,"x-y":"A"}`, "/x-y", envelope.RuleMember},
		{"nested extension", `{"specversion":"1.0",` + good + `,"ext":{}}`, "/ext", envelope.RuleKind},
		{"data of another type", `{"specversion":"1.0",` + good + `,"datacontenttype":"text/xml"}`, "/datacontenttype", envelope.RuleDataType},
		{"account with a dot", `{"specversion":"1.0",` + good + `,"subject":"a.b"}`, "/subject", envelope.RuleID},
		{"other type", `{"specversion":"1.0","id":"a","source":"s","type":"invoice.voided","time":"2026-11-23T14:05:00Z"}`, "/type", envelope.RuleType},
	} {
		_, problems := envelope.Parse(envelope.Input{
			Body: []byte(row.text), Type: "invoice.posted", Latest: latest, Header: headers("content-type", envelope.CloudEvent),
		})
		refused(t, row.name, problems, fault.Problem{Pointer: row.pointer, Rule: row.rule})
	}
}

func TestBadHeadersAreRefusedWithPlaceAndRule(t *testing.T) {
	for _, row := range []struct {
		name, pointer, rule string
		change              func(map[string][]string)
	}{
		{"twice", "/ce-id", envelope.RuleRepeated, func(h map[string][]string) { h["ce-id"] = []string{"a", "b"} }},
		{"twice by case", "/ce-id", envelope.RuleRepeated, func(h map[string][]string) { h["CE-ID"] = []string{"a"} }},
		{"two content types", "/content-type", envelope.RuleRepeated, func(h map[string][]string) { h["Content-Type"] = []string{"text/xml"} }},
		{"no id", "/ce-id", envelope.RuleMissing, func(h map[string][]string) { delete(h, "ce-id") }},
		{"no version", "/ce-specversion", envelope.RuleMissing, func(h map[string][]string) { delete(h, "ce-specversion") }},
		{"bad encoding", "/ce-subject", envelope.RuleEncoding, func(h map[string][]string) { h["ce-subject"] = []string{"%zz"} }},
		{"id with a dot under encoding", "/ce-id", envelope.RuleID, func(h map[string][]string) { h["ce-id"] = []string{"a%2eb"} }},
		{"other type", "/ce-type", envelope.RuleType, func(h map[string][]string) { h["ce-type"] = []string{"invoice.voided"} }},
		{"other content", "/content-type", envelope.RuleDataType, func(h map[string][]string) { h["content-type"] = []string{"text/xml"} }},
		{"malformed content type", "/content-type", envelope.RuleContentType, func(h map[string][]string) { h["content-type"] = []string{";"} }},
	} {
		h := binaryHeaders()
		row.change(h)
		_, problems := envelope.Parse(envelope.Input{Body: []byte(data), Header: h, Type: "invoice.posted", Latest: latest})
		refused(t, row.name, problems, fault.Problem{Pointer: row.pointer, Rule: row.rule})
	}
	_, problems := envelope.Parse(envelope.Input{Body: []byte("{}"), Header: headers("content-type", envelope.CloudEventsBatch)})
	refused(t, "batch as one event", problems, fault.Problem{Pointer: "/content-type", Rule: envelope.RuleContentType})
	_, problems = envelope.Parse(envelope.Input{Body: []byte(`{"a":1,"a":2}`), Header: binaryHeaders(), Latest: latest})
	refused(t, "duplicate in binary data", problems, fault.Problem{Pointer: "/data/a", Rule: strictjson.RuleDuplicate})
}

func TestEveryProblemOfAnEventIsReportedUpToABound(t *testing.T) {
	_, problems := envelope.Parse(envelope.Input{Body: []byte(`{"id":"a.b","time":"x","account":1,"extra":1}`), Type: "a", Latest: latest})
	if len(problems) != 4 {
		t.Errorf("got %v", problems)
	}
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, `,"m%d":1`, i)
	}
	_, problems = envelope.Parse(envelope.Input{Body: []byte(`{"id":"a"` + b.String() + `}`), Type: "a", Latest: latest})
	if len(problems) != 20 {
		t.Errorf("got %d problems", len(problems))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(plainWith("account", `"A"`)), "invoice.posted", "", "")
	f.Add([]byte(`{"specversion":"1.0","id":"a","source":"s","type":"t","time":"2026-11-23T14:05:00Z"}`), "", "content-type", envelope.CloudEvent)
	f.Add([]byte(data), "", "ce-id", "a")
	f.Fuzz(func(t *testing.T, body []byte, typ, header, value string) {
		c, problems := envelope.Parse(envelope.Input{Body: body, Type: typ, Header: headers(header, value), Latest: latest})
		if problems != nil {
			return
		}
		if c.ID == "" || c.Time.IsZero() || c.Data == nil || typ != "" && c.Type != typ {
			t.Fatalf("taken with holes: %+v", c)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	in := envelope.Input{Type: "invoice.posted", Latest: latest, Body: []byte(`{"id":"evt_0190b3","time":"2026-11-23T14:05:00Z","account":"A-1001","data":{` +
		`"Account.DisplayName":"Northwind","Account.Name":"Northwind Telecom","Account.Id":"A-1001","Account.Balance":"1234.50","Account.Bill Day":15,` +
		`"Invoice.Id":"I-1","Invoice.Number":"2026-0001","Invoice.Total":"12.50","Invoice.Currency":"EUR","Invoice.Status":"Posted","Invoice.DueDate":"2026-12-23"}}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := envelope.Parse(in); problems != nil {
			b.Fatal(problems)
		}
	}
}
