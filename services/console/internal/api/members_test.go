package api

import (
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

func TestAMemberIsWhatTheNearestSectionSays(t *testing.T) {
	texts := readTexts()
	for _, row := range []struct{ schema, member, as, of string }{
		{"EndpointPatch", "url", "Endpoint", "url"},
		{"EndpointSaved", "url", "Endpoint", "url"},
		{"EndpointSaved", "issued", ofSaved, "issued"},
		{"EndpointDocument", "url", "Endpoint", "url"},
		{"EndpointDocumentPatch", "url", "Endpoint", "url"},
		{"EndpointDocumentPatch", "client_key", "EndpointDocument", "client_key"},
	} {
		if got, want := texts.text(row.schema, row.member), texts.of[row.as][row.of]; got != want || want == "" {
			t.Errorf("%s of %s is %q, want %q", row.member, row.schema, got, want)
		}
	}
	if got := texts.text("Endpoint", "colour"); got != "" {
		t.Errorf("what is not there is %q", got)
	}
}

func TestWhatIsDescribedElsewhereIsLeft(t *testing.T) {
	texts := readTexts()
	shared := &huma.Schema{Type: "string"}
	all := map[string]*huma.Schema{
		"Endpoint": {Properties: map[string]*huma.Schema{"url": shared, "name": {Description: "given"}}},
		"Event":    {Properties: map[string]*huma.Schema{"id": shared}},
	}
	texts.describe(all)
	if got := all["Endpoint"].Properties["name"].Description; got != "given" {
		t.Errorf("name is %q", got)
	}
	if a, b := all["Endpoint"].Properties["url"].Description, all["Event"].Properties["id"].Description; a == b || a == "" || b == "" {
		t.Errorf("%q and %q", a, b)
	}
}
