package webhooksender_test

import (
	"testing"
	"time"

	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/process"
)

func TestTheLimitsOfARequestAreSettingsWithTheirDefaults(t *testing.T) {
	limits := func(environ ...string) [3]time.Duration {
		t.Helper()
		var c webhooksender.Config
		if err := process.Load(environ, &c); err != nil {
			t.Fatal(err)
		}
		return [3]time.Duration{c.HandshakeTimeout, c.HeaderTimeout, c.Timeout}
	}
	if got := limits(); got != [3]time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second} {
		t.Errorf("defaults %v", got)
	}
	got := limits("WEBHOOK_HANDSHAKE_TIMEOUT=1s", "WEBHOOK_HEADER_TIMEOUT=2s", "WEBHOOK_TIMEOUT=3s")
	if got != [3]time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
		t.Errorf("set to %v", got)
	}
}
