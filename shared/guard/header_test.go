package guard_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/shared/guard"
)

func TestAHeaderIsATokenAndNoneOfOurs(t *testing.T) {
	for name, rule := range map[string]string{
		"X-Tenant": "", "Idempotency-Key": "", "x_y.z~1": "", "WebhookSource": "",
		"": "header.name", strings.Repeat("a", 65): "header.name", "a b": "header.name", "a:b": "header.name", "a\r\nHost": "header.name",
		"näme": "header.name", "a\x00": "header.name", "(a)": "header.name",
		"Host": "header.reserved", "hOST": "header.reserved", "Content-Length": "header.reserved", "Transfer-Encoding": "header.reserved",
		"webhook-signature": "header.reserved", "Webhook-Anything": "header.reserved", "billhook-sequence": "header.reserved",
		"Authorization": "header.reserved", "Proxy-Authorization": "header.reserved", "X-Forwarded-For": "header.reserved",
		"Content-Type": "header.reserved", "Cookie": "header.reserved",
	} {
		got := ""
		if p := guard.CheckHeader(name); len(p) > 0 {
			got = p[0].Rule
		}
		if got != rule {
			t.Errorf("%q: %q, want %q", name, got, rule)
		}
	}
}
