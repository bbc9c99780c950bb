package event_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/event"
)

func TestStringsAreWrittenAsEveryReaderReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x7f]*`)).Draw(t, "text")
		b := event.AppendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil || got != s {
			t.Fatalf("wrote %s, read %q: %v", b, got, err)
		}
	})
}

func TestEncodedEventIsReadBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		e := event.Event{
			ID: text.Draw(t, "id"), Type: text.Draw(t, "type"), Owner: text.Draw(t, "owner"), Account: text.Draw(t, "account"),
			Time: time.Unix(rapid.Int64Range(0, 1<<37).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano")).UTC(),
			Data: event.Values{},
		}
		for _, name := range rapid.SliceOf(text).Draw(t, "names") {
			e.Data[name] = rapid.SampledFrom([]event.Value{
				event.Str(name), event.Num("12345678901234567890.50"), event.Boolean(true), {},
			}).Draw(t, "value")
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := got.Encode()
		if err != nil || !bytes.Equal(b, again) || !got.Time.Equal(e.Time) || len(got.Data) != len(e.Data) {
			t.Fatalf("%s became %s: %v", b, again, err)
		}
	})
}

func TestMarkupDoesNotGrow(t *testing.T) {
	markup := strings.Repeat("<>&'\u2028é😀", 1000)
	if b := event.AppendString(nil, markup); len(b) != len(markup)+2 {
		t.Fatalf("%d bytes became %d", len(markup), len(b))
	}
}

func TestInvalidUTF8IsReplaced(t *testing.T) {
	if got := string(event.AppendString(nil, "a\xffb\xc3")); got != "\"a\ufffdb\ufffd\"" {
		t.Fatalf("got %q", got)
	}
}

func TestYearBeyondRFC3339IsAnError(t *testing.T) {
	e := event.Event{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := e.Encode(); err == nil {
		t.Fatal("encoded")
	}
}

func wide() *event.Event {
	e := &event.Event{ID: "evt_1", Type: "invoice.posted", Owner: "acme", Account: "A-1001", Time: time.Unix(1795442700, 0).UTC(), Data: event.Values{}}
	for _, name := range strings.Fields("Id Name DisplayName Balance BalanceDue Currency TimeZone CurrentStatus Company.Name Company.Address1 Company.City Company.Zip") {
		e.Data["Account."+name] = event.Str("Northwind Telecom")
	}
	return e
}

func BenchmarkEncode(b *testing.B) {
	e := wide()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	doc, err := wide().Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Decode(doc); err != nil {
			b.Fatal(err)
		}
	}
}
