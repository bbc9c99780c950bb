package tokens

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

// The limits of templates, in bytes.
const (
	// MaxTemplate is the greatest size of a template.
	MaxTemplate = syntax.MaxBytes
	// MaxOutput is the greatest size of what is rendered.
	MaxOutput = 1 << 20
)

// Template is a checked template. It is immutable and safe for use by many
// goroutines.
type Template struct {
	output Output
	pieces []piece
	tokens []string
	// whole is the only piece where that is a value: its JSON type is kept.
	whole getter
}

// Tokens returns the names of the tokens in use, sorted.
func (t *Template) Tokens() []string { return slices.Clone(t.tokens) }

// Render writes the template with values. The same template and values always
// give the same text. Absent tokens are empty. It fails, with kind Invalid, when
// the text grows beyond [MaxOutput] or when values make a path climb.
func (t *Template) Render(v Values) (string, error) {
	if t.output == JSONValue && t.whole != nil {
		return jsonText(t.whole(v))
	}
	var w writer
	w.all(t.pieces, v)
	text := w.String()
	switch {
	case w.full:
		return "", fault.New(fault.Invalid, "render template", "", fmt.Errorf("the text is longer than %d bytes", MaxOutput))
	case t.output == URLPath && climbs(text):
		return "", fault.New(fault.Invalid, "render path", "", fmt.Errorf("values make a segment . or .. of it, or // of its begin"))
	case t.output == JSONValue:
		return jsonText(event.Str(text))
	}
	return text, nil
}

// Value returns what the template gives with its JSON type kept: the value
// itself when the template is a single token or helper, else the rendered text
// as a string.
func (t *Template) Value(v Values) (event.Value, error) {
	if t.whole != nil {
		return t.whole(v), nil
	}
	text, err := (&Template{output: Text, pieces: t.pieces}).Render(v)
	return event.Str(text), err
}

func jsonText(v event.Value) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fault.New(fault.Invalid, "render value", "", err)
	}
	return string(b), nil
}

// climbs reports whether a path leaves its place: a segment is . or .., or it
// begins like an authority.
func climbs(path string) bool {
	if strings.HasPrefix(path, "//") {
		return true
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// whole returns the value that is all of a template, nil when there is more.
func whole(pieces []piece) getter {
	if len(pieces) == 1 {
		if o, ok := pieces[0].(output); ok {
			return o.get
		}
	}
	return nil
}
