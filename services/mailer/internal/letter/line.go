package letter

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// oneLine replaces every control character by a space: a header value never
// ends its line.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s))
}

// maxShown is the greatest length of a display name in characters: it is one
// word, which no line can be folded in.
const maxShown = 200

// shown is a text as a display name.
func shown(name string) string {
	runes := []rune(strings.ToValidUTF8(oneLine(name), "\ufffd"))
	if len(runes) > maxShown {
		runes = append(runes[:maxShown-1], '…')
	}
	return string(runes)
}

// maxWord is the length in bytes of the longest word that a header may have,
// and maxEncoded that of what an encoded word may stand for (RFC 2047, 2: 75
// characters with its frame, here in base64).
const (
	maxWord    = 500
	maxEncoded = 45
)

// foldable returns a header value that lines can be folded in: lines are folded
// between words, so a text with a word longer than a line may be is written in
// encoded words, which are joined again for the reader.
func foldable(s string) string {
	long := slices.ContainsFunc(strings.Fields(s), func(w string) bool { return len(w) > maxWord })
	if !long {
		return s
	}
	var words []string
	for s = strings.ToValidUTF8(s, "\ufffd"); s != ""; {
		n := min(len(s), maxEncoded)
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}
