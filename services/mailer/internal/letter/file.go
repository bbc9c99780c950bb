package letter

import (
	"cmp"
	"mime"
	"path"
	"strings"
)

// mediaType is that of a file of a name: what is said if that is a bare one, else
// what the name tells.
func mediaType(said, name string) string {
	if plainType(said) {
		return said
	}
	return cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream")
}

// plainType reports whether t is a bare media type: two tokens with a slash
// between them (RFC 2045, 5.1), so that it cannot say anything else.
func plainType(t string) bool {
	kind, sub, ok := strings.Cut(t, "/")
	return ok && token(kind) && token(sub)
}

func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._+", r))
	})
}

// maxFileName is in characters.
const maxFileName = 120

// fileName makes a file name of a text: no separators of paths, no quotes, no
// control characters.
func fileName(s string) string {
	name := []rune(strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f || r == 0xfffd:
			return -1
		case strings.ContainsRune(`/\:*?"<>|;`, r):
			return '-'
		}
		return r
	}, strings.ToValidUTF8(oneLine(s), "")))
	if len(name) > maxFileName {
		name = name[len(name)-maxFileName:] // what tells the type stands last
	}
	if out := strings.Trim(string(name), " ."); out != "" {
		return out
	}
	return "document"
}
