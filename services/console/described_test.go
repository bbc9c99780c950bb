package console_test

import (
	"os"
	"strings"
	"testing"
)

// TestEveryMemberOfTheDocumentIsDescribed looks at every schema wherever it
// stands, and for descriptions of members that there are not any more.
func TestEveryMemberOfTheDocumentIsDescribed(t *testing.T) {
	s := start(t).specify(t)
	members := 0
	var look func(at string, v any)
	look = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				look(at, one)
			}
		case map[string]any:
			for name, one := range v {
				if name == "example" {
					continue
				}
				look(at+"/"+name, one)
				properties, ok := one.(map[string]any)
				if !ok || name != "properties" {
					continue
				}
				for member, schema := range properties {
					members++
					if text, _ := schema.(map[string]any)["description"].(string); text == "" {
						t.Errorf("%s/%s/%s has no description; services/console/internal/api/members.txt is where they are", at, name, member)
					}
				}
			}
		}
	}
	look("", s.raw)
	if members < 400 {
		t.Errorf("only %d members", members)
	}
	schemas := s.raw["components"].(map[string]any)["schemas"].(map[string]any)
	text, err := os.ReadFile("internal/api/members.txt")
	if err != nil {
		t.Fatal(err)
	}
	var of map[string]any
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section, _, _ = strings.Cut(strings.Trim(line, "[]"), ": ")
			of, _ = schemas[section].(map[string]any)
			continue
		}
		member, _, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(section, "…") {
			continue
		}
		if properties, _ := of["properties"].(map[string]any); properties[member] == nil {
			t.Errorf("%s of %s is described and not there", member, section)
		}
	}
}
