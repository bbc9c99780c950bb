package guard_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/shared/guard"
)

var (
	label63 = strings.Repeat("a", 63)
	name253 = strings.Repeat(label63+".", 3) + strings.Repeat("a", 61) // 3*64+61
)

// refusedHosts are host names with the rule that refuses each.
var refusedHosts = []struct{ name, host, rule string }{
	{"nothing", "", "host.empty"},
	{"IPv4", "127.0.0.1", "host.ip"},
	{"public IPv4", "93.184.216.34", "host.ip"},
	{"IPv4 any", "0.0.0.0", "host.ip"},
	{"IPv4 metadata", "169.254.169.254", "host.ip"},
	{"IPv4 in decimal", "2130706433", "host.ip"},
	{"IPv4 in octal", "0177.0.0.1", "host.ip"},
	{"IPv4 in one octal number", "017700000001", "host.ip"},
	{"IPv4 in hex", "0x7f000001", "host.ip"},
	{"IPv4 in hex parts", "0x7f.0x0.0x0.0x1", "host.ip"},
	{"IPv4 in hex with capitals", "0X7F000001", "host.ip"},
	{"IPv4 in mixed bases", "0x7f.1", "host.ip"},
	{"IPv4 of two parts", "127.1", "host.ip"},
	{"IPv4 of three parts", "127.0.1", "host.ip"},
	{"IPv4 zero", "0", "host.ip"},
	{"IPv4 with leading zeros", "127.000.000.001", "host.ip"},
	{"IPv4 beyond 255", "256.256.256.256", "host.ip"},
	{"IPv4 of five parts", "1.2.3.4.5", "host.ip"},
	{"name that ends in a number", "example.42", "host.ip"},
	{"name that ends in 0x", "example.0x", "host.ip"},
	{"IPv4 in fullwidth digits", "１２７.０.０.１", "host.ip"},
	{"IPv4 in circled digits", "①②⑦.0.0.①", "host.ip"},
	{"IPv4 with ideographic dots", "127。0。0。1", "host.ip"},
	{"IPv4 with fullwidth dots", "127．0．0．1", "host.ip"},
	{"IPv4 with a dot at the end", "127.0.0.1.", "host.trailing_dot"},
	{"IPv4 with halfwidth dots and one at the end", "127｡0｡0｡1｡", "host.trailing_dot"},
	{"IPv6 loopback", "::1", "host.ip"},
	{"IPv6 in brackets", "[::1]", "host.ip"},
	{"IPv6 with a zone", "fe80::1%eth0", "host.ip"},
	{"IPv6 with a zone in brackets", "[fe80::1%25eth0]", "host.ip"},
	{"IPv4 mapped into IPv6", "[::ffff:127.0.0.1]", "host.ip"},
	{"IPv4 mapped in hex", "::ffff:7f00:1", "host.ip"},
	{"IPv6 NAT64", "[64:ff9b::7f00:1]", "host.ip"},
	{"IPv6 written out", "0000:0000:0000:0000:0000:0000:0000:0001", "host.ip"},
	{"IPv6 of a future version", "[v1.fe80::a]", "host.character"},
	{"a bracket left open", "[::1", "host.ip"},
	{"localhost", "localhost", "host.reserved"},
	{"LOCALHOST", "LOCALHOST", "host.reserved"},
	{"localhost in circled letters", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "host.reserved"},
	{"below localhost", "a.localhost", "host.reserved"},
	{"below local", "printer.local", "host.reserved"},
	{"below internal", "db.internal", "host.reserved"},
	{"metadata of Google Cloud", "metadata.google.internal", "host.reserved"},
	{"below home.arpa", "nas.home.arpa", "host.reserved"},
	{"home.arpa", "home.arpa", "host.reserved"},
	{"below onion", "abcdefghijklmnop.onion", "host.reserved"},
	{"reserved with capitals", "db.INTERNAL", "host.reserved"},
	{"reserved with a soft hyphen", "db.inter\u00adnal", "host.reserved"},
	{"reserved with a zero-width space", "db.inter\u200bnal", "host.reserved"},
	{"reserved with a dot at the end", "db.internal.", "host.trailing_dot"},
	{"single label", "intranet", "host.single_label"},
	{"single label in punycode", "xn--mnchen-3ya", "host.single_label"},
	{"dot at the end", "example.com.", "host.trailing_dot"},
	{"dot alone", ".", "host.trailing_dot"},
	{"two dots", "example..com", "host.empty_label"},
	{"two ideographic dots", "example。。com", "host.empty_label"},
	{"dot at the start", ".example.com", "host.empty_label"},
	{"label of 64 bytes", label63 + "a.com", "host.label_length"},
	{"label too long once in punycode", strings.Repeat("ü", 60) + ".com", "host.label_length"},
	{"name of 254 bytes", name253 + "a", "host.length"},
	{"hyphen at the start", "-a.example.com", "host.hyphen"},
	{"hyphen at the end", "a-.example.com", "host.hyphen"},
	{"underscore", "a_b.example.com", "host.character"},
	{"asterisk", "*.example.com", "host.character"},
	{"space", "exam ple.com", "host.character"},
	{"space before", " example.com", "host.character"},
	{"ideographic space", "exam\u3000ple.com", "host.character"},
	{"tab", "example.com\t", "host.character"},
	{"line end", "example.com\n", "host.character"},
	{"NUL", "example.com\x00.evil.com", "host.character"},
	{"DEL", "example\x7f.com", "host.character"},
	{"C1 control", "example\u0085.com", "host.character"},
	{"backslash", `evil.com\.example.com`, "host.character"},
	{"slash", "example.com/x", "host.character"},
	{"question mark", "example.com?x", "host.character"},
	{"hash", "example.com#x", "host.character"},
	{"user", "user@example.com", "host.character"},
	{"port", "example.com:443", "host.character"},
	{"percent-encoded letter", "ex%61mple.com", "host.percent"},
	{"percent-encoded dot", "127%2e0%2e0%2e1", "host.percent"},
	{"percent-encoded NUL", "example.com%00", "host.percent"},
	{"fullwidth percent", "example％2ecom.org", "host.name"},
	{"fraction slash from a care-of sign", "evil.com℀.example.com", "host.name"},
	{"fullwidth slash", "evil.com／.example.com", "host.name"},
	{"fullwidth at sign", "a＠evil.com", "host.name"},
	{"invalid UTF-8", "exam\xffple.com", "host.encoding"},
	{"broken punycode", "xn--a\u00df.com", "host.name"},
	{"punycode that decodes to nothing", "xn--.com", "host.empty_label"},
	{"right-to-left mixed with left-to-right", "aא.com", "host.name"},
	{"joiner out of place", "a\u200cb.com", "host.name"},
}

func TestHostsThatAreNoPublicNameAreRefused(t *testing.T) {
	if len(refusedHosts) < 80 {
		t.Fatalf("only %d rows", len(refusedHosts))
	}
	for _, row := range refusedHosts {
		t.Run(row.name, func(t *testing.T) {
			ascii, p := guard.CheckHost(row.host)
			if len(p) != 1 || p[0].Rule != row.rule || p[0].Detail == "" || ascii != "" {
				t.Errorf("CheckHost(%q) = %q, %v; want rule %s", row.host, ascii, p, row.rule)
			}
		})
	}
}

func TestPublicNamesPassInASCII(t *testing.T) {
	for _, row := range []struct{ name, host, want string }{
		{"plain", "hooks.example.com", "hooks.example.com"},
		{"two labels", "example.com", "example.com"},
		{"capitals", "Hooks.Example.COM", "hooks.example.com"},
		{"umlaut", "münchen.example", "xn--mnchen-3ya.example"},
		{"sharp s stays itself", "straße.de", "xn--strae-oqa.de"},
		{"Japanese with ideographic dot", "例え。テスト", "xn--r8jz45g.xn--zckzah"},
		{"punycode", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de"},
		{"fullwidth letters", "ｅｘａｍｐｌｅ.com", "example.com"},
		{"begins with a number", "1.example.com", "1.example.com"},
		{"looks like an address", "127.0.0.1.example.com", "127.0.0.1.example.com"},
		{"looks like hex", "0x7f.example.com", "0x7f.example.com"},
		{"label of digits", "example.1and1.com", "example.1and1.com"},
		{"public name that holds an address", "10.0.0.1.nip.io", "10.0.0.1.nip.io"},
		{"begins with localhost", "localhost.example.com", "localhost.example.com"},
		{"ends like local", "mylocal.com", "mylocal.com"},
		{"ends in notlocal", "a.notlocal", "a.notlocal"},
		{"internal in the middle", "internal.example.com", "internal.example.com"},
		{"notinternal", "db.notinternal", "db.notinternal"},
		{"arpa", "ipv4only.arpa", "ipv4only.arpa"},
		{"onion in the middle", "onion.example.com", "onion.example.com"},
		{"hyphens in third and fourth place", "r3---sn-abc.example.com", "r3---sn-abc.example.com"},
		{"hex letters", "example.cafe", "example.cafe"},
		{"label of 63 bytes", label63 + ".com", label63 + ".com"},
		{"name of 253 bytes", name253, name253},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, p := guard.CheckHost(row.host); got != row.want || p != nil {
				t.Errorf("CheckHost(%q) = %q, %v; want %q", row.host, got, p, row.want)
			}
		})
	}
}

func TestMailServersAreJudgedByHostAndPort(t *testing.T) {
	for _, port := range []int{25, 465, 587, 2525} {
		if got, p := guard.CheckSMTP("Mail.Example.com", port); got != "mail.example.com" || p != nil {
			t.Errorf("port %d: %q, %v", port, got, p)
		}
	}
	for _, port := range []int{0, -1, 22, 80, 443, 2526, 65561} {
		if _, p := guard.CheckSMTP("mail.example.com", port); len(p) != 1 || p[0].Rule != "smtp.port" || p[0].Pointer != "/port" {
			t.Errorf("port %d: %v", port, p)
		}
	}
	_, p := guard.CheckSMTP("127.0.0.1", 80)
	if len(p) != 2 || p[0].Pointer != "/host" || p[0].Rule != "host.ip" || p[1].Pointer != "/port" {
		t.Errorf("both wrong: %v", p)
	}
}
