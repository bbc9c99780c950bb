package guard

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/fault"
)

// The limits of paths in bytes.
const (
	// MaxPath is that of a path template as typed.
	MaxPath = 2048
	// MaxRendered is that of a path once rendered.
	MaxRendered = 8192
)

// CheckPath judges the literal parts of a path template, which is put behind
// an endpoint's base URL. Tokens stand between {{ and }}; what they may hold
// is not judged here. The empty path is legal. Since values are not known yet,
// [JoinPath] judges again what is rendered.
func CheckPath(template string) fault.Problems {
	if len(template) > MaxPath {
		return refuse("path.length", fmt.Sprintf("has %d bytes; at most %d are allowed", len(template), MaxPath))
	}
	return checkPath(literal(template))
}

// literal puts a letter in the place of every token: a value is neither a dot
// nor a slash until it is rendered.
func literal(template string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('x')
		_, rest, found = strings.Cut(rest, "}}")
		if !found {
			return b.String() // the template check names the open token
		}
		template = strings.TrimPrefix(rest, "}")
	}
}

// JoinPath returns base with the rendered path behind its own. Values in the
// path must be percent-encoded. Whatever is rendered, the result has the
// scheme and host of base, and its path does not leave that of base; anything
// else is refused as [fault.Problems].
func JoinPath(base *url.URL, rendered string) (*url.URL, error) {
	if len(rendered) > MaxRendered {
		return nil, refuse("path.length", fmt.Sprintf("has %d bytes once rendered; at most %d are allowed", len(rendered), MaxRendered))
	}
	if p := checkPath(rendered); len(p) > 0 {
		return nil, p
	}
	own := base.EscapedPath()
	if rendered != "" {
		own = strings.TrimSuffix(own, "/")
	}
	u, err := url.Parse(base.Scheme + "://" + base.Host + own + rendered)
	if err != nil || !sameOrigin(u, base) || !strings.HasPrefix(u.EscapedPath(), own) {
		return nil, refuse("path.form", "does not give a valid URL")
	}
	return u, nil
}

func sameOrigin(u, base *url.URL) bool {
	return u.Scheme == base.Scheme && u.Host == base.Host && u.User == nil && u.Opaque == "" &&
		u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// checkPath judges a path that is put behind another one.
func checkPath(path string) fault.Problems {
	switch {
	case path == "":
		return nil
	case path[0] != '/':
		return refuse("path.start", "must begin with /")
	case strings.HasPrefix(path, "//"):
		return refuse("path.authority", "must not begin with //")
	}
	return checkSegments(path)
}

func checkSegments(path string) fault.Problems {
	if !utf8.ValidString(path) {
		return refuse("path.encoding", "is not valid UTF-8")
	}
	for _, r := range path {
		switch {
		case r == '\\':
			return refuse("path.backslash", "holds a backslash; write /")
		case r == '?' || r == '#':
			return refuse("path.query", "must hold neither ? nor #; there is no query and no fragment")
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return refuse("path.character", "holds white space or a control character")
		}
	}
	return checkDecoded(path)
}

// checkDecoded looks at the path as every reader on its way may see it, also
// one that decodes more than once, takes \ for a slash, or cuts parameters off
// a segment as servlet containers do.
func checkDecoded(path string) fault.Problems {
	if _, err := url.PathUnescape(path); err != nil {
		return refuse("path.escape", "has a % that two hexadecimal digits do not follow")
	}
	for {
		for _, segment := range strings.FieldsFunc(path, isSlash) {
			segment, _, _ = strings.Cut(segment, ";")
			if segment == "." || segment == ".." {
				return refuse("path.climb", "must have no . or .. segments, percent-encoded ones included")
			}
		}
		if strings.ContainsFunc(path, unicode.IsControl) {
			return refuse("path.character", "holds a percent-encoded control character")
		}
		decoded := decode(path)
		if decoded == path {
			return nil
		}
		path = decoded
	}
}

func isSlash(r rune) bool { return r == '/' || r == '\\' }

// decode undoes one layer of percent-encoding and leaves alone what is none:
// a value may hold a percent sign.
func decode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
