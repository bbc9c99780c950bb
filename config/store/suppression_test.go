package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

func TestAnAddressComesOntoTheListAndOffItAndBothAreOnRecord(t *testing.T) {
	b, anonymous := start(t)
	ctx, s := t.Context(), anonymous.As(auditor)
	for _, spelt := range []string{"Ada@Example.com", "ada@example.com"} {
		e, added, err := s.Suppress(ctx, "acme", spelt)
		if err != nil || added != (spelt == "Ada@Example.com") || e.Address != "ada@example.com" || e.By != suppression.Operator || e.Since.IsZero() {
			t.Fatalf("%s: %+v %v %v", spelt, e, added, err)
		}
	}
	for _, want := range []bool{true, false} {
		if removed, err := s.Unsuppress(ctx, "acme", "ADA@example.com"); err != nil || removed != want {
			t.Fatal(removed, err)
		}
	}
	if _, _, err := s.Suppress(ctx, "acme", "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Suppress(ctx, "acme", "nobody"); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
	all := kept(t, b, "acme")[1:]
	if got, want := acts(all), []string{"create suppressions ", "delete suppressions ", "create suppressions "}; !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	if all[0].After == "" || all[0].After != all[1].Before || all[0].After == all[2].After || all[0].Before+all[1].After != "" {
		t.Errorf("the marks do not tell who it was about: %+v", all)
	}
	if all[0].Actor != auditor {
		t.Errorf("by %+v", all[0].Actor)
	}
	if text := fmt.Sprintf("%+v", all); strings.Contains(text, "@") {
		t.Errorf("the record has an address: %s", text)
	}
}

func TestAnAddressThatCannotBeKeptOnRecordStaysWhereItIs(t *testing.T) {
	b, s := start(t)
	ctx, list := t.Context(), suppression.Open(b.js)
	if _, _, err := s.Suppress(ctx, "acme", "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := b.js.DeleteStream(ctx, topology.Audit); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Suppress(ctx, "acme", "bob@example.com"); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
	if _, err := s.Unsuppress(ctx, "acme", "ada@example.com"); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
	all, err := list.All(ctx, "acme")
	if err != nil || len(all) != 1 || all[0].Address != "ada@example.com" {
		t.Errorf("%+v %v", all, err)
	}
}
