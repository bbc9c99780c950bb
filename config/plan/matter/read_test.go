package matter

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/event"
)

// anyText draws texts of which some are written with escapes.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`[a-z0-9_ {}\[\],:é]{0,8}`), rapid.String())
}

func anyTime(r *rapid.T) time.Time {
	if rapid.Bool().Draw(r, "no time") {
		return time.Time{}
	}
	offset := rapid.IntRange(-14*60, 14*60).Draw(r, "offset") * 60
	return time.Unix(rapid.Int64Range(0, 1e10).Draw(r, "at"), rapid.Int64Range(0, 999_999_999).Draw(r, "ns")).In(time.FixedZone("", offset))
}

func anyValues(r *rapid.T) event.Values {
	out := event.Values{}
	for _, name := range rapid.SliceOfN(anyText(), 0, 3).Draw(r, "names") {
		out[name] = rapid.SampledFrom([]event.Value{
			event.Str(anyText().Draw(r, "text")), event.Int(-7), event.Boolean(true), event.Num("1e5"),
		}).Draw(r, "value")
	}
	return out
}

func anyPlan(r *rapid.T) Plan {
	text := func() string { return anyText().Draw(r, "text") }
	return Plan{
		ID: text(), Kind: Kind(text()), For: text(), LastSeen: anyTime(r), Wake: anyTime(r), Days: rapid.IntRange(0, 3650).Draw(r, "days"), Time: text(), Calendar: text(), Zone: text(), DueAt: anyTime(r),
		State: State(text()), Reason: text(), Delivered: rapid.Uint64().Draw(r, "delivered"), Forced: anyTime(r), FiredAt: anyTime(r),
		Late: rapid.Bool().Draw(r, "late"),
	}
}

func anyMatter(r *rapid.T) *Matter {
	text := func() string { return anyText().Draw(r, "text") }
	i := &Matter{
		Owner: text(), Account: text(), Part: rapid.IntRange(0, 64).Draw(r, "part"), Name: text(), Seq: rapid.Uint64().Draw(r, "seq"),
		Delivery: text(), Delivered: rapid.Uint64().Draw(r, "delivered"), DeliveredAt: anyTime(r),
		Values: anyValues(r), Present: anyValues(r), Ended: text(),
	}
	i.Posted, i.KnownAt, i.DueDate, i.Passed, i.Told = rapid.Uint64().Draw(r, "posted"), anyTime(r), text(), text(), text()
	if rapid.Bool().Draw(r, "usage") {
		i.Usage = &Usage{Seen: anyTime(r), Through: anyTime(r), Silent: anyTime(r), Package: text()}
	}
	for range rapid.IntRange(0, 3).Draw(r, "plans") {
		i.Plans = append(i.Plans, anyPlan(r))
	}
	return i
}

func TestAMatterIsReadAsItIsStored(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		stored, err := json.Marshal(anyMatter(r))
		if err != nil {
			r.Fatal(err)
		}
		want := new(Matter)
		if err := json.Unmarshal(stored, want); err != nil {
			r.Fatal(err)
		}
		got, err := Read(stored)
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(event.Value{})); diff != "" {
			r.Fatalf("%s: %s", stored, diff)
		}
	})
}

func TestTheOutlineIsTheMatterWithoutItsValues(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		stored, err := json.Marshal(anyMatter(r))
		if err != nil {
			r.Fatal(err)
		}
		want := new(Matter)
		if err := json.Unmarshal(stored, want); err != nil {
			r.Fatal(err)
		}
		want.Values, want.Present = nil, nil
		got, err := Outline(stored)
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("%s: %s", stored, diff)
		}
	})
}

func TestOutlinesAreReadQuicklyWhateverTheValuesAre(t *testing.T) {
	at := time.Date(2026, 3, 4, 9, 0, 0, 0, time.FixedZone("", 3600))
	i := &Matter{
		Owner: "acme", Account: "a1", Name: "INV-1", Seq: 3, Delivery: "evt_1", Delivered: 3, DeliveredAt: at,
		Values:  event.Values{"Account.Name": event.Str("Müller & \"Söhne\"}\\"), "Invoice.Total": event.Num("12.5")},
		Present: event.Values{"Invoice.Status": event.Str("paid")},
		Plans: []Plan{
			{ID: "pln_1", Days: 3, Time: "09:00:00", Zone: "Europe/Paris", DueAt: at, State: Pending, Delivered: 3},
			{ID: "pln_2", Days: 0, Time: "09:00:00", Calendar: "cal", DueAt: at, State: Fired, Delivered: 3, FiredAt: at, Late: true},
		},
	}
	service := &Matter{
		Owner: "acme", Account: "a1", Name: "S-1", Seq: 3, KnownAt: at, Values: event.Values{"AccountService.Id": event.Str("S-1")},
		Usage: &Usage{Seen: at, Through: at, Package: "P-1"},
		Plans: []Plan{{ID: "pln_3", Kind: Dormant, For: "2026-03-04", LastSeen: at, Days: 30, DueAt: at, Wake: at, State: Pending}},
	}
	silent := &Matter{Owner: "acme", Name: "S-2", Seq: 3, Usage: &Usage{Silent: at}}
	ended := *i
	ended.Ended, ended.Posted, ended.DueDate, ended.Told = "invoice.voided", 2, "2026-04-01", "evt_2"
	for _, i := range []*Matter{i, service, silent, &ended} {
		stored, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := quick(stored, false); !ok {
			t.Errorf("%s is read slowly", stored)
		}
	}
}

func TestAMatterIsReadQuicklyWhereNoValueHasAnEscape(t *testing.T) {
	stored, err := json.Marshal(&Matter{
		Owner: "acme", Account: "a1", Name: "INV-1", Seq: 3,
		Values:  event.Values{"Account.Name": event.Str("Müller"), "Invoice.Total": event.Num("12.5"), "Account.Active": event.Boolean(true)},
		Present: event.Values{"Invoice.Status": event.Str("paid")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := quick(stored, true); !ok {
		t.Errorf("%s is read slowly", stored)
	}
}

func TestWhatIsNoMatterHasNoOutline(t *testing.T) {
	for _, stored := range []string{"", "{", `{"owner":"acme"`, `{"owner":1}`, `[]`} {
		if i, err := Outline([]byte(stored)); err == nil {
			t.Errorf("outline of %q: %+v", stored, i)
		}
		if i, err := Read([]byte(stored)); err == nil {
			t.Errorf("%q: %+v", stored, i)
		}
	}
}
