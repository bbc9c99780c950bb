package smtp_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/guard"
)

func TestSettings(t *testing.T) {
	public := &guard.Policy{}
	operator := &guard.Policy{
		Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Ports: []uint16{25, 2526},
		Hosts: map[string]string{"relay": "10.0.0.1:25", "catcher.test:1025": "127.0.0.1:1025"},
	}
	for _, row := range []struct {
		name   string
		policy *guard.Policy
		change func(*smtp.Spec)
		want   string // pointer of the first problem, "" when legal
	}{
		{"defaults", public, func(*smtp.Spec) {}, ""},
		{"submission", public, func(s *smtp.Spec) { s.Port, s.TLS = 465, smtp.Implicit }, ""},
		{"host in capitals", public, func(s *smtp.Spec) { s.Host = "MAIL.Example.com" }, ""},
		{"unusual port", public, func(s *smtp.Spec) { s.Port = 2526 }, "/port"},
		{"unusual port that the operator allows", operator, func(s *smtp.Spec) { s.Port = 2526 }, ""},
		{"port that only wraps to an allowed one", operator, func(s *smtp.Spec) { s.Port = 2526 + 1<<16 }, "/port"},
		{"negative port", operator, func(s *smtp.Spec) { s.Port = -1 }, "/port"},
		{"private address", public, func(s *smtp.Spec) { s.Host = "10.0.0.1" }, "/host"},
		{"private address that the operator allows", operator, func(s *smtp.Spec) { s.Host = "10.1.2.3" }, ""},
		{"another private address", operator, func(s *smtp.Spec) { s.Host = "192.168.0.1" }, "/host"},
		{"metadata", public, func(s *smtp.Spec) { s.Host = "169.254.169.254" }, "/host"},
		{"single label", public, func(s *smtp.Spec) { s.Host = "relay" }, "/host"},
		{"single label that the operator redirects", operator, func(s *smtp.Spec) { s.Host = "Relay" }, ""},
		{"host and port that the operator redirects", operator, func(s *smtp.Spec) { s.Host, s.Port = "catcher.test", 1025 }, ""},
		{"host that the operator redirects on another port", operator, func(s *smtp.Spec) { s.Host = "catcher.test"; s.Port = 1026 }, "/port"},
		{"no host", public, func(s *smtp.Spec) { s.Host = "" }, "/host"},
		{"from with a name", public, func(s *smtp.Spec) { s.FromAddress = "A <a@example.com>" }, "/from_address"},
		{"from with a line end", public, func(s *smtp.Spec) { s.FromAddress = "a@example.com\r\nBcc: b@example.com" }, "/from_address"},
		{"no from", public, func(s *smtp.Spec) { s.FromAddress = "" }, "/from_address"},
		{"from name with a line end", public, func(s *smtp.Spec) { s.FromName = "A\r\nBcc: b@example.com" }, "/from_name"},
		{"from name with a line separator", public, func(s *smtp.Spec) { s.FromName = "A\u2028B" }, "/from_name"},
		{"username with a null", public, func(s *smtp.Spec) { s.Username = "a\x00b" }, "/username"},
		{"every field", public, func(s *smtp.Spec) {
			s.ReplyTo, s.EnvelopeSender, s.Username, s.Auth = "help@example.com", "bounces@example.com", "u", smtp.SCRAMSHA256Plus
			s.Limits = smtp.Limits{Connections: 2, MessagesPerSecond: 0.5, Recipients: 50, Size: 10 << 20}
			s.DKIM = &smtp.DKIM{Domain: "Example.COM", Selector: "2026-11.mail"}
		}, ""},
		{"reply-to that is a list", public, func(s *smtp.Spec) { s.ReplyTo = "a@example.com,b@example.com" }, "/reply_to"},
		{"null envelope sender: nobody would hear of bounces", public, func(s *smtp.Spec) { s.EnvelopeSender = "<>" }, "/envelope_sender"},
		{"envelope sender with an argument", public, func(s *smtp.Spec) { s.EnvelopeSender = "a@example.com> SIZE=1" }, "/envelope_sender"},
		{"mechanism", public, func(s *smtp.Spec) { s.Username, s.Auth = "u", "ntlm" }, "/auth"},
		{"mechanism in capitals", public, func(s *smtp.Spec) { s.Username, s.Auth = "u", "PLAIN" }, "/auth"},
		{"mechanism for nobody", public, func(s *smtp.Spec) { s.Auth = smtp.Plain }, "/auth"},
		{"credentials in clear text", public, func(s *smtp.Spec) { s.Username, s.TLS = "u", smtp.None }, "/tls"},
		{"negative connections", public, func(s *smtp.Spec) { s.Limits.Connections = -1 }, "/limits/connections"},
		{"too many connections", public, func(s *smtp.Spec) { s.Limits.Connections = 101 }, "/limits/connections"},
		{"a rate of never", public, func(s *smtp.Spec) { s.Limits.MessagesPerSecond = 0.001 }, "/limits/messages_per_second"},
		{"negative rate", public, func(s *smtp.Spec) { s.Limits.MessagesPerSecond = -1 }, "/limits/messages_per_second"},
		{"a rate that is no number", public, func(s *smtp.Spec) { s.Limits.MessagesPerSecond = math.NaN() }, "/limits/messages_per_second"},
		{"endless rate", public, func(s *smtp.Spec) { s.Limits.MessagesPerSecond = math.Inf(1) }, "/limits/messages_per_second"},
		{"negative recipients", public, func(s *smtp.Spec) { s.Limits.Recipients = -1 }, "/limits/recipients_per_message"},
		{"no letter is that small", public, func(s *smtp.Spec) { s.Limits.Size = 100 }, "/limits/message_size"},
		{"too large", public, func(s *smtp.Spec) { s.Limits.Size = 1 << 30 }, "/limits/message_size"},
		{"DKIM without a selector", public, func(s *smtp.Spec) { s.DKIM = &smtp.DKIM{Domain: "example.com"} }, "/dkim/selector"},
		{"DKIM selector that ends its tag", public, func(s *smtp.Spec) { s.DKIM = &smtp.DKIM{Domain: "example.com", Selector: "a; d=b"} }, "/dkim/selector"},
		{"DKIM selector with an empty label", public, func(s *smtp.Spec) { s.DKIM = &smtp.DKIM{Domain: "example.com", Selector: "a..b"} }, "/dkim/selector"},
		{"DKIM domain", public, func(s *smtp.Spec) { s.DKIM = &smtp.DKIM{Domain: "example", Selector: "a"} }, "/dkim/domain"},
		{"tls", public, func(s *smtp.Spec) { s.TLS = "maybe" }, "/tls"},
		{"no name", public, func(s *smtp.Spec) { s.Name = "" }, "/name"},
		{"id", public, func(s *smtp.Spec) { s.ID = "a b" }, "/id"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := smtp.Spec{ID: "a", Name: "A", Host: "mail.example.com", FromAddress: "a@example.com"}
			row.change(&s)
			problems := s.Check(row.policy)
			switch {
			case row.want == "" && len(problems) > 0:
				t.Errorf("refused: %v", problems)
			case row.want != "" && (len(problems) == 0 || problems[0].Pointer != row.want):
				t.Errorf("problems = %v, want one at %s", problems, row.want)
			}
			if row.want == "" && (s.Port == 0 || s.TLS == "" || s.Host == "MAIL.Example.com" || s.Host == "Relay") {
				t.Errorf("not in its stored form: %+v", s)
			}
		})
	}
}

func TestTheDefaultIsTakenAtTheMomentOfAsking(t *testing.T) {
	book := smtp.Book{Default: "b", Sets: []smtp.Settings{{Spec: smtp.Spec{ID: "a"}}, {Spec: smtp.Spec{ID: "b"}}}}
	for id, want := range map[string]string{"": "b", "a": "a", "b": "b"} {
		if s, ok := book.Choose(id); !ok || s.ID != want {
			t.Errorf("choose %q = %+v", id, s)
		}
	}
	if _, ok := book.Choose("c"); ok {
		t.Error("found what is not there")
	}
	if _, ok := (&smtp.Book{}).Choose(""); ok {
		t.Error("an empty book has a default")
	}
}
