package locale_test

import (
	"slices"
	"testing"

	"github.com/billhook/billhook/config/locale"
)

func TestATagHasOneSpelling(t *testing.T) {
	for tag, want := range map[string]string{
		"de": "de", "DE": "de", "de-at": "de-AT", "PT_br": "pt-BR", "zh-hant-tw": "zh-Hant-TW", "iw": "he",
		"sr-latn": "sr-Latn", "es-419": "es-419", "de-AT-u-co-phonebk": "de-AT-u-co-phonebk",
		"": "", "german": "", "d": "", "und": "", "de-": "", "de--AT": "", "xx-very-long-tag-that-nobody-would-ever-write": "",
		"de\r\nBcc: a": "", "*": "", "de-AT; q=1": "", "qqq-\x00": "", "x-private": "",
	} {
		if got, ok := locale.Canonical(tag); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", tag, got, ok, want)
		}
	}
}

func TestALookUpEndsWithTheLanguage(t *testing.T) {
	for tag, want := range map[string][]string{
		"de": {"de"}, "zh-Hant-TW": {"zh-Hant-TW", "zh-Hant", "zh"},
		"de-AT-u-co-phonebk": {"de-AT-u-co-phonebk", "de-AT-u-co", "de-AT", "de"},
	} {
		var got []string
		for t := tag; t != ""; t = locale.Wider(t) {
			got = append(got, t)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tag, got, want)
		}
	}
}

// FuzzCanonical holds that the canonical spelling is one, and a plain word.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"de", "zh-Hant-TW", "en_US", "x-a", "de-a-b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, ok := locale.Canonical(s)
		if !ok {
			return
		}
		if twice, ok := locale.Canonical(once); !ok || twice != once {
			t.Errorf("%q becomes %q, and that %q", s, once, twice)
		}
		for _, c := range once {
			if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
				t.Errorf("%q has %q", once, c)
			}
		}
		for tag := once; tag != ""; {
			next := locale.Wider(tag)
			if len(next) >= len(tag) {
				t.Fatalf("%q does not get shorter than %q", next, tag)
			}
			tag = next
		}
	})
}
