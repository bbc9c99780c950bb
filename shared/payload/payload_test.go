package payload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/payload"
)

func posted() *event.Event {
	return &event.Event{
		ID: "evt_1", Type: "invoice.posted", Owner: "acme", Account: "acc_7",
		Time: time.Date(2026, 3, 29, 1, 30, 0, 250_000_000, time.FixedZone("", 3600)),
	}
}

func TestTheBodyHasItsMembersInOrderAndKeepsTheirTypes(t *testing.T) {
	got, err := payload.Plain.Render(posted(), []payload.Member{
		{Name: "total", Value: event.Str("12.50")},
		{Name: "count", Value: event.Num("90071992547409931.10")},
		{Name: "final", Value: event.Boolean(true)},
		{Name: "note", Value: event.Value{}},
		{Name: "a", Value: event.Str("<ä> \"q\"\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"invoice.posted","timestamp":"2026-03-29T00:30:00.25Z","id":"evt_1","owner":"acme",` +
		`"account":"acc_7","data":{"total":"12.50","count":90071992547409931.10,"final":true,"note":null,` +
		`"a":"<ä> \"q\"\n"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Fatal(diff)
	}
}

func TestACloudEventHasItsAttributesAndTheSameData(t *testing.T) {
	members := []payload.Member{{Name: "total", Value: event.Str("12.50")}}
	got, err := payload.CloudEvent.Render(posted(), members)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"specversion":"1.0","type":"invoice.posted","time":"2026-03-29T00:30:00.25Z","id":"evt_1","source":"/owners/acme",` +
		`"subject":"acc_7","owner":"acme","datacontenttype":"application/json","data":{"total":"12.50"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Fatal(diff)
	}
	ev := posted()
	ev.Account = ""
	got, err = payload.CloudEvent.Render(ev, nil)
	if err != nil || bytes.Contains(got, []byte("subject")) || !json.Valid(got) {
		t.Fatalf("an event of no account: %s, %v", got, err)
	}
}

func TestAnEventOfNoAccountHasANullAccount(t *testing.T) {
	ev := posted()
	ev.Account = ""
	got, err := payload.Plain.Render(ev, nil)
	if err != nil || !bytes.Contains(got, []byte(`"account":null,"data":{}}`)) {
		t.Fatalf("got %s, %v", got, err)
	}
}

func TestEveryTextSurvivesAJSONParser(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		value := string(rapid.SliceOf(rapid.Byte()).Draw(t, "value"))
		b, err := payload.Plain.Render(posted(), []payload.Member{{Name: name, Value: event.Str(value)}})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Data map[string]string }
		if err := json.Unmarshal(b, &got); err != nil || !utf8.Valid(b) {
			t.Fatalf("%s: %v", b, err)
		}
		var want string
		for _, r := range value {
			want += string(r)
		}
		if got.Data[name] != want {
			t.Fatalf("got %q, want %q", got.Data[name], want)
		}
	})
}

func TestABodyOver256KiBIsRefused(t *testing.T) {
	fill := func(n int) []payload.Member {
		return []payload.Member{{Name: "x", Value: event.Str(strings.Repeat("y", n))}}
	}
	empty, err := payload.Plain.Render(posted(), fill(0))
	if err != nil {
		t.Fatal(err)
	}
	room := payload.MaxBytes - len(empty)
	if b, err := payload.Plain.Render(posted(), fill(room)); err != nil || len(b) != payload.MaxBytes {
		t.Fatalf("256 KiB refused: %d, %v", len(b), err)
	}
	for _, n := range []int{room + 1, 10 * payload.MaxBytes} {
		if _, err := payload.Plain.Render(posted(), fill(n)); !errors.Is(err, payload.ErrTooLarge) {
			t.Fatalf("%d more accepted: %v", n, err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	ev := posted()
	members := make([]payload.Member, 12)
	for i := range members {
		members[i] = payload.Member{Name: "Invoice.Total", Value: event.Str("1234567.89")}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := payload.Plain.Render(ev, members); err != nil {
			b.Fatal(err)
		}
	}
}
