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
	{"punycode of localhost alone", "xn--localhost-", "host.reserved"},
	{"punycode that decodes to a reserved name", "db.xn--internal-", "host.reserved"},
	{"punycode that decodes to plain ASCII", "xn--example-.com", "host.name"},
	{"punycode that decodes to digits", "xn--127-.com", "host.name"},
	{"punycode that decodes to a control character", "xn--a.com", "host.name"},
	{"punycode of a joiner alone", "xn--1ug.com", "host.name"},
	{"punycode of what mapping takes away", "xn--a-ecp.ru", "host.name"},
	{"punycode with a hyphen too many", "xn--a--b.com", "host.name"},
	{"punycode cut short in the last label", "a.xn--0", "host.name"},
	{"IPv4 with one dot leaders", "127\u20240\u20240\u20241", "host.single_label"},
	{"IPv4 in superscript digits", "¹²⁷.0.0.¹", "host.ip"},
	{"IPv4 in subscript digits", "₁₂₇.₀.₀.₁", "host.ip"},
	{"IPv4 in bold mathematical digits", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "host.ip"},
	{"IPv4 with a soft hyphen", "127.0.0.\u00ad1", "host.ip"},
	{"IPv4 with a zero-width space", "127.0.\u200b0.1", "host.ip"},
	{"IPv4 with a byte order mark", "\ufeff127.0.0.1", "host.ip"},
	{"IPv4 with a variation selector", "127.0.0.1\ufe0f", "host.ip"},
	{"IPv4 in fullwidth hex", "０ｘ７ｆ.1", "host.ip"},
	{"IPv4 in hex whose last part has capitals", "12.34.0xAB", "host.ip"},
	{"IPv4 in two hex parts", "0x7f.0x1", "host.ip"},
	{"IPv4 whose octal is beyond eight", "0189.0.0.09", "host.ip"},
	{"IPv4 beyond 32 bits", "4294967296", "host.ip"},
	{"IPv4 with an empty part", "127..1", "host.empty_label"},
	{"IPv4 with a plus", "127.0.0.+1", "host.character"},
	{"IPv4 negative", "127.0.0.-1", "host.hyphen"},
	{"IPv4 with a network size", "10.0.0.0/8", "host.character"},
	{"IPv4 in Arabic digits", "١٢٧.٠.٠.١", "host.name"},
	{"number with a sign of enclosed full stop", "a.1\u2488", "host.name"},
	{"IPv6 unspecified", "::", "host.ip"},
	{"IPv6 that ends in IPv4", "::ffff:0:127.0.0.1", "host.ip"},
	{"IPv6 compatible with IPv4", "[::127.0.0.1]", "host.ip"},
	{"IPv6 in capitals", "[FE80::A]", "host.ip"},
	{"IPv6 with an empty zone", "[fe80::1%]", "host.character"},
	{"IPv6 in the form of Windows names", "fe80--1.ipv6-literal.internal", "host.reserved"},
	{"IPv6 too long", "1:2:3:4:5:6:7:8:9", "host.character"},
	{"brackets around a name", "[example.com]", "host.character"},
	{"below localhost with ideographic dots", "a。localhost", "host.reserved"},
	{"local with a long s", "printer.ſomething.local", "host.reserved"},
	{"reserved in fullwidth letters", "db.ｉｎｔｅｒｎａｌ", "host.reserved"},
	{"reserved with the Kelvin sign for k", "a.home.arpa.Kube.local", "host.reserved"},
	{"reserved with a combining joiner", "db.inter\u034fnal", "host.reserved"},
	{"service of a cluster", "api.default.svc.cluster.local", "host.reserved"},
	{"instance data of EC2", "instance-data.ec2.internal", "host.reserved"},
	{"below invalid", "hooks.invalid", "host.reserved"},
	{"below alt", "hooks.alt", "host.reserved"},
	{"localhost of IPv6", "ip6-localhost", "host.single_label"},
	{"metadata in one label", "metadata", "host.single_label"},
	{"hyphen alone", "-", "host.hyphen"},
	{"hyphen as the last label", "example.-", "host.hyphen"},
	{"right-to-left override", "exam\u202eple.com", "host.name"},
	{"line separator", "example\u2028.com", "host.character"},
	{"next line alone", "\u0085", "host.character"},
	{"escape", "example\x1b.com", "host.character"},
	{"vertical tab", "exam\vple.com", "host.character"},
	{"surrogate in UTF-8", "exam\xed\xa0\x80ple.com", "host.encoding"},
	{"overlong dot", "127\xc0\xae0.0.1", "host.encoding"},
	{"cut UTF-8", "example.com\xe3\x80", "host.encoding"},
	{"double percent-encoding", "127%252e0.0.1", "host.percent"},
	{"quotation mark", `exa"mple.com`, "host.character"},
	{"angle bracket", "exa<mple.com", "host.character"},
	{"brace of a template", "{{Account.Id}}.example.com", "host.character"},
	{"two hosts", "example.com,evil.com", "host.character"},
	{"semicolon", "example.com;evil.com", "host.character"},
	{"label of 64 bytes at the end", "example." + label63 + "a", "host.label_length"},
	{"right-to-left mixed with left-to-right", "aא.com", "host.name"},
	{"joiner out of place", "a\u200cb.com", "host.name"},
}

func TestHostsThatAreNoPublicNameAreRefused(t *testing.T) {
	for _, row := range refusedHosts {
		t.Run(row.name, func(t *testing.T) {
			ascii, p := guard.CheckHost(row.host)
			if len(p) != 1 || p[0].Rule != row.rule || p[0].Detail == "" || ascii != "" {
				t.Errorf("CheckHost(%q) = %q, %v; want rule %s", row.host, ascii, p, row.rule)
			}
			if _, p := guard.CheckSMTP(row.host, 587); len(p) != 1 || p[0].Rule != row.rule || p[0].Pointer != "/host" {
				t.Errorf("CheckSMTP(%q) = %v; want rule %s", row.host, p, row.rule)
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
		{"begins with a private address", "10.example.com", "10.example.com"},
		{"private address in labels", "192.168.0.1.example.com", "192.168.0.1.example.com"},
		{"address with hyphens", "10-0-0-1.example.com", "10-0-0-1.example.com"},
		{"name of a cloud's machine", "ec2-54-1-2-3.compute-1.amazonaws.com", "ec2-54-1-2-3.compute-1.amazonaws.com"},
		{"internal with more", "internal-tools.example.com", "internal-tools.example.com"},
		{"metadata of somebody", "metadata.example.com", "metadata.example.com"},
		{"local as a label", "local.example.com", "local.example.com"},
		{"localhost with more", "localhosting.com", "localhosting.com"},
		{"localhost in the middle", "a.localhost.example.com", "a.localhost.example.com"},
		{"onion with more", "onions.shop", "onions.shop"},
		{"home without arpa", "nas.home.example.com", "nas.home.example.com"},
		{"invalid as a label", "invalid.example.com", "invalid.example.com"},
		{"alt as a label", "alt.example.com", "alt.example.com"},
		{"number with an exponent", "example.1e3", "example.1e3"},
		{"hex with another letter", "example.0xg", "example.0xg"},
		{"digits of another script as the last label", "example.१", "example.xn--e4b"},
		{"single letters", "a.b", "a.b"},
		{"digits only but for the last label", "123.456.789.io", "123.456.789.io"},
		{"name of a number", "911.gov", "911.gov"},
		{"punycode in capitals", "XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de"},
		{"Chinese", "例子.中国", "xn--fsqu00a.xn--fiqs8s"},
		{"Arabic, right to left", "مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"},
		{"emoji", "🦊.example.com", "xn--9s9h.example.com"},
		{"accent apart from its letter", "a\u0300.com", "xn--0ca.com"},
		{"ligature", "ﬁle.com", "file.com"},
		{"soft hyphen", "exam\u00adple.com", "example.com"},
		{"fullwidth dot", "example．com", "example.com"},
		{"halfwidth dot", "example｡com", "example.com"},
		{"final sigma stays itself", "ς.com", "xn--3xa.com"},
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
