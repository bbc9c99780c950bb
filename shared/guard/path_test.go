package guard_test

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
)

func TestPathsThatBreakARuleAreRefused(t *testing.T) {
	for _, row := range []struct{ name, path, rule string }{
		{"no slash", "hooks", "path.start"},
		{"another host", "@evil.com/x", "path.start"},
		{"a host behind a dot", ".evil.com", "path.start"},
		{"a port", ":8443/x", "path.start"},
		{"an authority", "//evil.com/x", "path.authority"},
		{"two slashes only", "//", "path.authority"},
		{"..", "/..", "path.climb"},
		{".. within", "/a/../b", "path.climb"},
		{". within", "/a/./b", "path.climb"},
		{"encoded ..", "/%2e%2e/b", "path.climb"},
		{"half encoded ..", "/.%2E/b", "path.climb"},
		{"encoded .", "/%2e", "path.climb"},
		{"encoded slashes around ..", "/a%2f..%2fb", "path.climb"},
		{"encoded backslashes around ..", "/a%5c..%5Cb", "path.climb"},
		{"twice encoded ..", "/%252e%252e/b", "path.climb"},
		{"thrice encoded ..", "/%25252e%25252e/b", "path.climb"},
		{"twice encoded .. beside a plain percent sign", "/%25zz/%252e%252e/b", "path.climb"},
		{".. with parameters", "/..;x=1/b", "path.climb"},
		{"backslash", `/a\b`, "path.backslash"},
		{"backslashes for an authority", `/\evil.com`, "path.backslash"},
		{"query", "/a?b", "path.query"},
		{"fragment", "/a#b", "path.query"},
		{"space", "/a b", "path.character"},
		{"line end", "/a\r\nHost: evil.com", "path.character"},
		{"NUL", "/a\x00", "path.character"},
		{"encoded line end", "/a%0d%0aHost:", "path.character"},
		{"encoded NUL", "/a%00", "path.character"},
		{"twice encoded NUL", "/a%2500", "path.character"},
		{"broken escape", "/%g1", "path.escape"},
		{"cut escape", "/%", "path.escape"},
		{"invalid UTF-8", "/\xff", "path.encoding"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if p := guard.CheckPath(row.path); len(p) != 1 || p[0].Rule != row.rule {
				t.Errorf("CheckPath(%q) = %v; want %s", row.path, p, row.rule)
			}
			_, err := guard.JoinPath(base(t, httpsBase), row.path)
			if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Rule != row.rule {
				t.Errorf("JoinPath(%q) = %v; want %s", row.path, err, row.rule)
			}
		})
	}
}

func TestOnlyTheLiteralPartsOfATemplateAreJudged(t *testing.T) {
	for _, good := range []string{
		"", "/", "/hooks", "/hooks/{{Account.ID}}", "/{{Account.ID}}/x", "/a/{{{Account.ID}}}/b", "/{{default A \"..?#\\\"}}/b",
		"/{{#if A}}x{{/if}}", "/a//b", "/{{A}}.json", "/..{{A}}", "/a%20b", "/ü", "/.well-known/x", "/a;b=c/d",
	} {
		if p := guard.CheckPath(good); p != nil {
			t.Errorf("CheckPath(%q) = %v", good, p)
		}
	}
	for _, bad := range []string{"{{A}}", "{{A}}/x", "/{{A}}/../x", "/{{A}}?x", "/{{A}} x", "//{{A}}"} {
		if p := guard.CheckPath(bad); len(p) != 1 {
			t.Errorf("CheckPath(%q) was accepted", bad)
		}
	}
	if p := guard.CheckPath("/" + strings.Repeat("a", guard.MaxPath)); len(p) != 1 || p[0].Rule != "path.length" {
		t.Errorf("too long: %v", p)
	}
}

func TestARenderedPathGoesBehindTheBase(t *testing.T) {
	for _, row := range []struct{ base, path, want string }{
		{"https://example.com", "", "https://example.com"},
		{"https://example.com/", "", "https://example.com/"},
		{"https://example.com/a/", "", "https://example.com/a/"},
		{"https://example.com", "/x", "https://example.com/x"},
		{"https://example.com/", "/x", "https://example.com/x"},
		{"https://example.com/a", "/x/y", "https://example.com/a/x/y"},
		{"https://example.com/a/", "/", "https://example.com/a/"},
		{"https://example.com/%C3%BC", "/ä", "https://example.com/%C3%BC/%C3%A4"},
		{"https://example.com/a%2Fb", "/A%2FB%3Fc%23d%25", "https://example.com/a%2Fb/A%2FB%3Fc%23d%25"},
		{"https://example.com", "/@evil.com:80", "https://example.com/@evil.com:80"},
	} {
		u, err := guard.JoinPath(base(t, row.base), row.path)
		if err != nil || u.String() != row.want {
			t.Errorf("JoinPath(%s, %q) = %v, %v; want %s", row.base, row.path, u, err, row.want)
		}
	}
}

func TestARenderedPathIsBounded(t *testing.T) {
	_, err := guard.JoinPath(base(t, httpsBase), "/"+strings.Repeat("a", guard.MaxRendered))
	if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Rule != "path.length" {
		t.Errorf("JoinPath = %v", err)
	}
}

func TestNoValueLeavesTheBase(t *testing.T) {
	const prefix = "https://example.com/hooks/"
	b := base(t, prefix)
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.OneOf(
			rapid.String(),
			rapid.StringOf(rapid.SampledFrom([]rune(`./\%25eE@:?#;a `))),
		).Draw(r, "value")
		u, err := guard.JoinPath(b, "/"+url.PathEscape(value)+"/end")
		if err != nil {
			return // refused is safe; what is legal is held by tables
		}
		if !strings.HasPrefix(u.String(), prefix) || u.Host != "example.com" || !strings.HasSuffix(u.Path, "/end") {
			r.Fatalf("%q gave %s", value, u)
		}
		if clean := u.JoinPath(); clean.Path != strings.ReplaceAll(u.Path, "//", "/") && !strings.HasPrefix(clean.Path, "/hooks/") {
			r.Fatalf("%q climbs: %s", value, clean)
		}
	})
}

func FuzzJoinPath(f *testing.F) {
	for _, s := range []string{"/a", "//evil.com", "/%2e%2e/x", `/\evil.com`, "/a?b#c", "@evil.com", "/..;/a", "/ü%zz"} {
		f.Add(s)
	}
	b := base(f, "https://example.com/hooks")
	f.Fuzz(func(t *testing.T, path string) {
		u, err := guard.JoinPath(b, path)
		if err != nil {
			return
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != "example.com" || again.Scheme != "https" || again.User != nil ||
			again.RawQuery != "" || again.Fragment != "" || !strings.HasPrefix(again.JoinPath("x").Path, "/hooks/") {
			t.Fatalf("%q gave %s", path, u)
		}
	})
}

func base(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
