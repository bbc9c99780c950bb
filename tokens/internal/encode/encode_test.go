package encode

import (
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestALineStaysOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nBcc: x@y.z":       "a Bcc: x@y.z",
		"\n\n":                  "",
		"a\u2028b\u2029c\u0085": "a b c",
		"a\x00\x1b[31mb":        "a [31mb",
		"Zürich":                "Zürich",
		"a\xffb":                "a\uFFFDb",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestAnEncodedValueIsReadBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "value")
		encoded := HTML(s)
		if want := strings.Map(printable, s); html.UnescapeString(encoded) != want || strings.ContainsAny(encoded, "<>\"'`") {
			t.Errorf("HTML %q became %q", s, encoded)
		}
		encoded = URL(s)
		if back, err := url.PathUnescape(encoded); err != nil || back != s || strings.ContainsAny(encoded, "/\\?#&=:;@+ ") {
			t.Errorf("URL %q became %q", s, encoded)
		}
		if line := Line(s); strings.ContainsFunc(line, Breaking) || !utf8.ValidString(line) {
			t.Errorf("Line %q became %q", s, line)
		}
	})
}
