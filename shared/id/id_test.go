package id_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/id"
)

func TestIdentifiersAreSafeAsSubjectTokensAndKeys(t *testing.T) {
	for name, s := range map[string]string{
		"empty":           "",
		"65 characters":   strings.Repeat("a", id.MaxLength+1),
		"dot":             "a.b",
		"star":            "a*",
		"greater-than":    ">",
		"dollar":          "$SYS",
		"space":           "a b",
		"slash":           "a/b",
		"equals":          "a=b",
		"colon":           "a:b",
		"line end":        "a\n",
		"only a line end": "\n",
		"NUL":             "a\x00",
		"umlaut":          "ä",
		"fullwidth":       "ａ",
		"invalid UTF-8":   "\xff",
		"percent":         "%41",
		"no owner's":      id.Installation,
	} {
		if id.Valid(s) {
			t.Errorf("%s: %q was accepted", name, s)
		}
	}
	for _, s := range []string{"a", "0", "_", "-", "acme", "Acme_1-b", strings.Repeat("Z", id.MaxLength)} {
		if !id.Valid(s) {
			t.Errorf("%q was refused", s)
		}
	}
}

func TestTheRuleIsTheOneStated(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune(alphabet+".*> \n")), 0, 70, -1)).Draw(t, "s")
		want := len(s) >= 1 && len(s) <= id.MaxLength && strings.Trim(s, alphabet) == ""
		if got := id.Valid(s); got != want {
			t.Fatalf("Valid(%q) = %v", s, got)
		}
	})
}

func TestDrawnIdentifiersFollowFromTheirSource(t *testing.T) {
	one, two := id.Draw(strings.NewReader("0123456789abcdef")), id.Draw(strings.NewReader("0123456789abcdeg"))
	if want := "gaytemzugu3doobzmfrggzdfmy"; one != want || one == two || one != id.Of([]byte("0123456789abcdef")) {
		t.Errorf("%q and %q, want %q and another", one, two, want)
	}
	for _, drawn := range []string{one, id.Draw(strings.NewReader(""))} {
		if len(drawn) != 26 || !id.Valid(drawn) {
			t.Errorf("%q is no identifier of 26 characters", drawn)
		}
	}
}
