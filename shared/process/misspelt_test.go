package process_test

import (
	"slices"
	"testing"

	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
)

type spelled struct {
	Timeout  string      `env:"WEBHOOK_TIMEOUT"`
	Sync     string      `env:"SYNC"`
	Password secret.Text `env:"NATS_PASSWORD"`
}

func TestAVariableNextToASettingIsMisspelt(t *testing.T) {
	for name, want := range map[string]string{
		"WEBHOKK_TIMEOUT":    "WEBHOOK_TIMEOUT",
		"WEBHOOK_TIMEOTU":    "WEBHOOK_TIMEOUT",
		"WEBHOOKTIMEOUT":     "WEBHOOK_TIMEOUT",
		"NATS_PASWORD_FILE":  "NATS_PASSWORD_FILE",
		"SYNCH":              "SYNC",
		"WEBHOOK_TIMEOUT":    "",
		"NATS_PASSWORD_FILE": "",
		"SYNTAX":             "",
		"PATH":               "",
		"":                   "",
	} {
		var wanted []process.Misspelt
		if want != "" {
			wanted = []process.Misspelt{{Name: name, Setting: want}}
		}
		if got := process.FindMisspelt([]string{name + "=1s", "HOME=/"}, &process.Settings{}, &spelled{}); !slices.Equal(got, wanted) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
