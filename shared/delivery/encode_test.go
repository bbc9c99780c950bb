package delivery_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/delivery"
)

// anyText draws texts that need escapes too.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringMatching(`[<>&"\\/\n\t\x00-\x7f]{0,9}`), rapid.Just(""), rapid.Just("a\xffb\u2028"))
}

func anyReference(t *rapid.T) delivery.Reference {
	return delivery.Reference{
		ID: anyText().Draw(t, "id"), Owner: anyText().Draw(t, "owner"), Subscription: anyText().Draw(t, "subscription"),
		Revision: rapid.Int().Draw(t, "revision"), EventSeq: rapid.Uint64().Draw(t, "seq"), EventID: anyText().Draw(t, "event"),
		EventType: anyText().Draw(t, "type"), Account: anyText().Draw(t, "account"),
	}
}

func anyMoment(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" zero") {
		return time.Time{}
	}
	at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, label), rapid.Int64Range(0, 999_999_999).Draw(t, label+" ns"))
	return at.In(time.FixedZone("", 60*rapid.IntRange(-720, 720).Draw(t, label+" zone")))
}

// Outcomes are read by encoding/json, here and elsewhere: its reading of what it
// writes by itself is the judge. A member that is added must be added twice.
func TestAnOutcomeIsWrittenAsItsTagsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := delivery.Outcome{
			AttemptID: anyText().Draw(t, "attempt"), Attempt: rapid.Int().Draw(t, "number"), Delivery: anyReference(t),
			Channel: delivery.Email, Result: delivery.Result(anyText().Draw(t, "result")), Resent: rapid.Bool().Draw(t, "resent"),
			Target: anyText().Draw(t, "target"), At: anyMoment(t, "at"), Duration: time.Duration(rapid.Int64().Draw(t, "duration")),
			Status: rapid.IntRange(0, 3).Draw(t, "status"), Reason: anyText().Draw(t, "reason"), Detail: anyText().Draw(t, "detail"),
			Response: anyText().Draw(t, "response"), NextAt: anyMoment(t, "next"),
		}
		if rapid.Bool().Draw(t, "letter") {
			o.Letter = &delivery.Letter{
				Number: rapid.Int().Draw(t, "letter number"), Of: rapid.Int().Draw(t, "of"), MessageID: anyText().Draw(t, "message"),
				Email: anyText().Draw(t, "email"), Revision: rapid.Int().Draw(t, "email revision"),
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "recipients") {
			o.Recipients = append(o.Recipients, delivery.Recipient{
				Address: anyText().Draw(t, "address"), Result: delivery.Parked,
				Status: rapid.IntRange(0, 3).Draw(t, "code"), Detail: anyText().Draw(t, "said"),
			})
		}
		want, err := json.Marshal(&o)
		if err != nil {
			t.Fatal(err)
		}
		got := o.AppendJSON(nil)
		if bytes.ContainsAny(got, "\n\r") {
			t.Fatalf("more than a line: %q", got)
		}
		if diff := cmp.Diff(members(t, want), members(t, got)); diff != "" {
			t.Fatalf("(-encoding/json +ours):\n%s", diff)
		}
	})
}

// members are what a document says, and how: literals of numbers are kept.
func members(t *rapid.T, document []byte) any {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	return out
}

func TestAReferenceIsReadAsEncodingJSONReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyReference(t)
		if rapid.Bool().Draw(t, "plain") {
			r.ID, r.Owner, r.Subscription, r.EventID, r.EventType = "dlv_1", "acme", "s", "evt_1", "invoice.posted"
		}
		data, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.IntRange(0, 3).Draw(t, "broken") == 0 {
			at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
			data = append(append(bytes.Clone(data[:at]), rapid.SampledFrom([]string{"", "-", "0", "\"", ",", "\x00", " "}).Draw(t, "with")...), data[at+1:]...)
		}
		var want delivery.Reference
		wantErr := json.Unmarshal(data, &want)
		got, err := delivery.ReadReference(data)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: %v, want %v", data, err, wantErr)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-encoding/json +ours):\n%s", data, diff)
		}
	})
}
