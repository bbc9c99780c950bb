package guard_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
)

const httpsBase = "https://example.com/"

func typed(n int) string { return httpsBase + strings.Repeat("a", n-len(httpsBase)) }

func rules(p fault.Problems) []string {
	out := make([]string, len(p))
	for i, q := range p {
		out[i] = q.Rule
	}
	return out
}

// refusedURLs are base URLs with the rules that refuse each, in order.
var refusedURLs = []struct{ name, raw, want string }{
	{"blanks at both ends", "  https://example.com/  ", "url.space"},
	{"2,049 characters", typed(2049), "url.length"},
	{"2,049 characters of many bytes", httpsBase + strings.Repeat("ü", 2049-len(httpsBase)), "url.length"},
	{"http", "http://example.com/", "url.insecure"},
	{"HTTP", "HTTP://example.com/", "url.insecure"},
	{"http with the default port of https", "http://example.com:443/", "url.insecure"},
	{"ftp", "ftp://example.com/", "url.scheme"},
	{"file", "file:///etc/passwd", "url.scheme host.empty"},
	{"gopher", "gopher://example.com/", "url.scheme"},
	{"fullwidth scheme", "ｈttps://example.com/", "url.scheme"},
	{"no scheme", "example.com/x", "url.form"},
	{"no scheme but slashes", "//example.com/x", "url.form"},
	{"empty scheme", "://example.com/x", "url.form"},
	{"opaque", "https:example.com", "url.form"},
	{"one slash", "https:/example.com", "url.form"},
	{"three slashes", "https:///example.com", "host.empty"},
	{"no host", "https://", "host.empty"},
	{"port only", "https://:443/", "host.empty"},
	{"port 8443", "https://example.com:8443/", "url.port"},
	{"port 80", "https://example.com:80/", "url.port"},
	{"port 0443", "https://example.com:0443/", "url.port"},
	{"port 443 in fullwidth digits", "https://example.com:４４３/", "url.port"},
	{"port +443", "https://example.com:+443/", "url.port"},
	{"empty port", "https://example.com:/", "url.port"},
	{"port of letters", "https://example.com:https/", "url.port"},
	{"user", "https://user@example.com/", "url.userinfo"},
	{"user and password", "https://user:pw@example.com/", "url.userinfo"},
	{"empty user", "https://@example.com/", "url.userinfo"},
	{"user that looks like the host", "https://example.com:443@evil.com/", "url.userinfo"},
	{"two at signs", "https://a@b@example.com/", "url.userinfo"},
	{"user and a bad host", "https://example.com@127.0.0.1/", "url.userinfo host.ip"},
	{"fragment", "https://example.com/x#y", "url.fragment"},
	{"empty fragment", "https://example.com/x#", "url.fragment"},
	{"fragment instead of a path", "https://example.com#@evil.com/", "url.fragment"},
	{"query", "https://example.com/x?y=z", "url.query"},
	{"empty query", "https://example.com/?", "url.query"},
	{"query instead of a path", "https://example.com?@evil.com", "url.query"},
	{"query and fragment", "https://example.com/x?y#z", "url.fragment url.query"},
	{"backslash", `https://example.com\@evil.com/`, "url.backslash"},
	{"backslashes for slashes", `https:\\example.com`, "url.backslash"},
	{"space before", " https://example.com/", "url.space"},
	{"space within", "https://example.com/a b", "url.space"},
	{"space behind", "https://example.com/ ", "url.space"},
	{"no-break space", "https://example.com/\u00a0", "url.space"},
	{"tab in the scheme", "ht\ttps://example.com/", "url.control"},
	{"line end", "https://example.com/\r\nHost: evil.com", "url.control"},
	{"NUL", "https://example.com/\x00", "url.control"},
	{"DEL", "https://example.com/\x7f", "url.control"},
	{"invalid UTF-8", "https://example.com/\xff", "url.encoding"},
	{"overlong UTF-8", "https://example.com/\xc0\xaf", "url.encoding"},
	{"address", "https://127.0.0.1/", "host.ip"},
	{"address and port", "https://127.0.0.1:443/", "host.ip"},
	{"address in decimal", "https://2130706433/", "host.ip"},
	{"address in hex", "https://0x7f.1/", "host.ip"},
	{"IPv6", "https://[::1]/", "host.ip"},
	{"IPv6 and port", "https://[::1]:443/", "host.ip"},
	{"IPv6 with a zone", "https://[fe80::1%25lo]/", "host.ip"},
	{"IPv6 and another port", "https://[::1]:8443/", "url.port host.ip"},
	{"localhost", "https://localhost/", "host.reserved"},
	{"percent-encoded host", "https://ex%61mple.com/", "host.percent"},
	{"percent-encoded slash in the host", "https://example.com%2f.evil.com/", "host.percent"},
	{"dot segments", "https://example.com/a/../b", "path.climb"},
	{"dot segment at the end", "https://example.com/a/..", "path.climb"},
	{"encoded dot segments", "https://example.com/a/%2e%2E/b", "path.climb"},
	{"blank alone", " ", "url.space"},
	{"byte order mark before", "\ufeffhttps://example.com/", "url.scheme"},
	{"javascript", "javascript://example.com/%0aalert(1)", "url.scheme path.character"},
	{"data", "data:text/html,x", "url.form"},
	{"websocket", "wss://example.com/", "url.scheme"},
	{"https with more", "httpss://example.com/", "url.scheme"},
	{"scheme in a scheme", "url:https://example.com/", "url.scheme"},
	{"percent-encoded scheme", "%68ttps://example.com/", "url.scheme"},
	{"port 0", "https://example.com:0/", "url.port"},
	{"port 65979, which is 443 and 65,536", "https://example.com:65979/", "url.port"},
	{"port 443 in hex", "https://example.com:0x1bb/", "url.port"},
	{"two ports", "https://example.com:443:443/", "host.character"},
	{"port of SSH", "https://example.com:22/", "url.port"},
	{"password alone", "https://:pw@example.com/", "url.userinfo"},
	{"percent-encoded user", "https://%75ser@example.com/", "url.userinfo"},
	{"percent-encoded at sign", "https://example.com%40evil.com/", "host.percent"},
	{"fullwidth at sign", "https://example.com＠evil.com/", "host.name"},
	{"fullwidth hash", "https://example.com＃.evil.com/", "host.name"},
	{"fullwidth question mark", "https://example.com？.evil.com/", "host.name"},
	{"fullwidth colon", "https://example.com：8443/", "host.name"},
	{"two fragments", "https://example.com/#a#b", "url.fragment"},
	{"line separator", "https://example.com/\u2028", "url.space"},
	{"tab in the host", "https://exam\tple.com/", "url.control"},
	{"line end in the scheme", "https\n://example.com/", "url.control"},
	{"C1 control in the path", "https://example.com/\u009f", "url.control"},
	{"surrogate in UTF-8", "https://example.com/\xed\xa0\x80", "url.encoding"},
	{"address in octal", "https://0177.0.0.01/", "host.ip"},
	{"address of two parts", "https://127.1/", "host.ip"},
	{"address with ideographic dots", "https://169。254。169。254/", "host.ip"},
	{"address in fullwidth digits", "https://１６９.254.169.254/", "host.ip"},
	{"address with a dot at the end", "https://127.0.0.1./", "host.trailing_dot"},
	{"metadata by its address", "https://169.254.169.254/latest/meta-data/", "host.ip"},
	{"metadata by its address in IPv6", "https://[fd00:ec2::254]/latest/", "host.ip"},
	{"IPv4 mapped into IPv6", "https://[::ffff:169.254.169.254]/", "host.ip"},
	{"IPv6 without brackets", "https://::1/", "url.port host.character"},
	{"IPv6 left open", "https://[::1/", "url.port host.character"},
	{"IPv6 followed by a name", "https://[::1].example.com/", "host.character"},
	{"name of one label", "https://intranet/", "host.single_label"},
	{"dot at the end of the host", "https://example.com./", "host.trailing_dot"},
	{"two dots in the host", "https://example..com/", "host.empty_label"},
	{"asterisk in the host", "https://*.example.com/", "host.character"},
	{"token in the host", "https://{{Account.Id}}.example.com/", "host.character"},
	{"dot segments with a parameter", "https://example.com/a/..;/b", "path.climb"},
	{"dot segment of one dot", "https://example.com/./a", "path.climb"},
	{"dot segments encoded twice", "https://example.com/%252e%252e/b", "path.climb"},
	{"encoded line end", "https://example.com/%0d%0aHost:%20evil.com", "path.character"},
	{"encoded backslash and dots", "https://example.com/%5c..%5c", "path.climb"},
	{"lone percent sign", "https://example.com/100%", "path.escape"},
	{"two slashes", "https://example.com//evil.com", "path.authority"},
	{"broken escape", "https://example.com/%zz", "path.escape"},
	{"cut escape", "https://example.com/%2", "path.escape"},
	{"encoded NUL", "https://example.com/%00", "path.character"},
	{"everything at once", "http://u@127.0.0.1:8443/..?q#f",
		"url.insecure url.fragment url.query url.userinfo url.port host.ip path.climb"},
}

func TestBaseURLsThatBreakARuleAreRefusedByThatRule(t *testing.T) {
	for _, row := range refusedURLs {
		t.Run(row.name, func(t *testing.T) {
			u, p := guard.CheckURL(row.raw)
			if got := strings.Join(rules(p), " "); got != row.want || u != nil {
				t.Errorf("CheckURL(%.60q) = %v, %v; want %s", row.raw, u, p, row.want)
			}
		})
	}
}

func TestAnEmptyURLIsRefused(t *testing.T) {
	if u, p := guard.CheckURL(""); u != nil || strings.Join(rules(p), " ") != "url.empty" {
		t.Errorf("CheckURL = %v, %v", u, p)
	}
}

func TestEachSpellingTestsARuleOfItsOwn(t *testing.T) {
	names, spellings := map[string]bool{}, map[string]bool{}
	add := func(kind, name, spelling string) {
		if names[kind+name] || spellings[kind+spelling] {
			t.Errorf("%s %q with %q stands in the tables twice", kind, name, spelling)
		}
		names[kind+name], spellings[kind+spelling] = true, true
	}
	for _, row := range refusedHosts {
		add("host", row.name, row.host)
	}
	for _, row := range refusedURLs {
		add("URL", row.name, row.raw)
	}
	if len(names) < 250 {
		t.Errorf("only %d spellings", len(names))
	}
}

func TestRefusalsHaveMessagesOfTheirOwn(t *testing.T) {
	_, p := guard.CheckURL("http://u@127.0.0.1:8443/..?q#f")
	seen := map[string]bool{}
	for _, q := range p {
		if q.Detail == "" || seen[q.Detail] {
			t.Errorf("%s: message %q is empty or not its own", q.Rule, q.Detail)
		}
		seen[q.Detail] = true
	}
}

func TestGoodBaseURLsAreNormalised(t *testing.T) {
	for _, row := range []struct{ name, raw, want string }{
		{"host only", "https://example.com", "https://example.com"},
		{"root", "https://example.com/", "https://example.com/"},
		{"path", "https://example.com/a/b", "https://example.com/a/b"},
		{"port 443 is dropped", "https://example.com:443/a", "https://example.com/a"},
		{"scheme and host in capitals", "HTTPS://Example.COM/A", "https://example.com/A"},
		{"international host", "https://münchen.example/", "https://xn--mnchen-3ya.example/"},
		{"international path", "https://example.com/ü", "https://example.com/%C3%BC"},
		{"escapes are kept", "https://example.com/a%2Fb%20c", "https://example.com/a%2Fb%20c"},
		{"dots within a segment", "https://example.com/a..b/.well-known/...", "https://example.com/a..b/.well-known/..."},
		{"colon and at sign in the path", "https://example.com/@me:443", "https://example.com/@me:443"},
		{"looks like a private address", "https://10.example.com/", "https://10.example.com/"},
		{"looks like localhost", "https://localhost.example.com/", "https://localhost.example.com/"},
		{"an address in the path", "https://example.com/127.0.0.1/", "https://example.com/127.0.0.1/"},
		{"a URL in the path", "https://example.com/https://evil.com/", "https://example.com/https://evil.com/"},
		{"encoded question mark and hash", "https://example.com/a%3Fb%23c", "https://example.com/a%3Fb%23c"},
		{"encoded blank", "https://example.com/a%20b", "https://example.com/a%20b"},
		{"fraction slash, which is no slash", "https://evil.com⁄.example.com/", "https://evil.xn--com-qt0a.example.com/"},
		{"plus and semicolon", "https://example.com/a+b;c=d", "https://example.com/a+b;c=d"},
		{"slash at the end", "https://example.com/a/", "https://example.com/a/"},
		{"two slashes within the path", "https://example.com/a//b", "https://example.com/a//b"},
		{"three dots", "https://example.com/.../a", "https://example.com/.../a"},
		{"tilde and sub-delimiters", "https://example.com/~a!$&'()*,=", "https://example.com/~a!$&'()*,="},
		{"ideographic dots in the host", "https://例え。テスト/", "https://xn--r8jz45g.xn--zckzah/"},
		{"2,048 characters", typed(2048), typed(2048)},
	} {
		t.Run(row.name, func(t *testing.T) {
			u, p := guard.CheckURL(row.raw)
			if p != nil || u.String() != row.want {
				t.Errorf("CheckURL(%.60q) = %v, %v; want %s", row.raw, u, p, row.want)
			}
		})
	}
	many := httpsBase + strings.Repeat("ü", guard.MaxURL-len(httpsBase))
	if _, p := guard.CheckURL(many); p != nil || utf8.RuneCountInString(many) != 2048 {
		t.Errorf("2,048 characters of several bytes: %v", p)
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, row := range refusedHosts {
		f.Add("https://" + row.host + "/")
	}
	for _, row := range refusedURLs {
		f.Add(row.raw)
	}
	for _, s := range []string{
		"https://example.com:443/a", "https://a@b:443@example.com/", `https://example.com\@evil.com`,
		"https://example.com/%2e%2e/", "https://münchen.example/ü?x#y", "HTTPS://EXAMPLE.com:8443",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, p := guard.CheckURL(raw)
		if (u == nil) == (len(p) == 0) {
			t.Fatalf("CheckURL(%q) = %v, %v", raw, u, p)
		}
		if u != nil {
			checkAccepted(t, raw, u)
		}
	})
}

// checkAccepted holds what every accepted URL must be, whatever was typed.
func checkAccepted(t *testing.T, raw string, u *url.URL) {
	t.Helper()
	again, err := url.Parse(u.String())
	if err != nil || again.Host != u.Host || u.Scheme != "https" || u.Host != u.Hostname() || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		t.Fatalf("%q gave %#v", raw, u)
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-.", r) }) {
		t.Fatalf("%q gave host %q", raw, u.Host)
	}
	last := u.Host[strings.LastIndexByte(u.Host, '.')+1:]
	if !strings.Contains(u.Host, ".") || strings.Trim(last, "0123456789") == "" ||
		slices.Contains([]string{"local", "internal", "localhost", "onion"}, last) {
		t.Fatalf("%q gave host %q", raw, u.Host)
	}
	if slices.Contains(strings.Split(u.Path, "/"), "..") {
		t.Fatalf("%q gave path %q", raw, u.Path)
	}
	stored, p := guard.CheckURL(u.String())
	if p != nil && p[0].Rule != "url.length" || p == nil && cmp.Diff(stored.String(), u.String()) != "" {
		t.Fatalf("%q was stored as %q, which gives %v, %v", raw, u, stored, p)
	}
}
