package api

import (
	_ "embed"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed members.txt
var members string

// texts are what members of schemas are, by schema and member.
type texts struct {
	of map[string]map[string]string
	// like are the schemas whose texts hold for others too.
	like map[string]string
}

// ofSaved is the section of what an answer to a save has beside the document.
const ofSaved = "…Saved"

func readTexts() texts {
	t := texts{of: map[string]map[string]string{}, like: map[string]string{}}
	var section map[string]string
	for line := range strings.Lines(members) {
		line = strings.TrimSpace(line)
		switch name, text, _ := strings.Cut(line, ": "); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			name, like, _ := strings.Cut(strings.Trim(line, "[]"), ": ")
			section = map[string]string{}
			t.of[name], t.like[name] = section, like
		default:
			section[name] = text
		}
	}
	return t
}

// text is what a member is; empty where nobody says.
func (t *texts) text(schema, member string) string {
	if derived, ok := strings.CutSuffix(schema, "Saved"); ok && t.of[schema] == nil {
		if text := t.of[ofSaved][member]; text != "" {
			return text
		}
		schema = derived
	}
	if t.of[schema] == nil {
		schema = strings.TrimSuffix(schema, "Patch")
	}
	for ; schema != ""; schema = t.like[schema] {
		if text := t.of[schema][member]; text != "" {
			return text
		}
	}
	return ""
}

// describe says of each member of each schema what it is.
func (t *texts) describe(schemas map[string]*huma.Schema) {
	for name, schema := range schemas {
		for member, s := range schema.Properties {
			if s.Description == "" {
				// Schemas that are made of one another share their members.
				described := *s
				described.Description = t.text(name, member)
				schema.Properties[member] = &described
			}
		}
	}
}
