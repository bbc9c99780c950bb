package process_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
)

type link struct {
	URL      string      `env:"NATS_URL" envDefault:"nats://127.0.0.1:4222" unit:"URL" doc:"server"`
	Password secret.Text `env:"NATS_PASSWORD" doc:"password"`
}

type settings struct {
	Link       link
	Owner      string           `env:"OWNER,required" doc:"the owner"`
	Partitions int              `env:"PARTITIONS" envDefault:"16" doc:"how many | partitions"`
	Wait       time.Duration    `env:"WAIT" envDefault:"5s" unit:"duration" doc:"how long"`
	Retry      backoff.Schedule `env:"RETRY" envDefault:"0s,5s" unit:"durations" doc:"delays"`
	Names      []string         `env:"NAMES" doc:"names"`
	Mail       struct {
		Port uint16 `env:"PORT" envDefault:"25" doc:"port of the mail server"`
	} `envPrefix:"MAIL_"`
	ignored string //nolint:unused // holds that what is not exported is not read
}

// Check holds one rule over two settings.
func (s *settings) Check() fault.Problems {
	if s.Partitions > 100 {
		return fault.Problems{process.Refuse("PARTITIONS", "must be at most 100")}
	}
	return nil
}

func names(err error) string {
	var b strings.Builder
	for _, p := range fault.ProblemsOf(err) {
		b.WriteString(p.Pointer + " " + p.Rule + "\n")
	}
	return b.String()
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingsAreReadFromTheEnvironmentGiven(t *testing.T) {
	t.Setenv("NATS_URL", "nats://from-the-process")
	var s settings
	err := process.Load([]string{"OWNER=acme", "PARTITIONS=4", "WAIT=2m", "NAMES=a,b", "MAIL_PORT=587", "RETRY=1s,2s",
		"NATS_PASSWORD=p=w", "UNKNOWN=x", "odd"}, &s)
	if err != nil {
		t.Fatal(err)
	}
	if s.Owner != "acme" || s.Partitions != 4 || s.Wait != 2*time.Minute || s.Mail.Port != 587 ||
		s.Link.URL != "nats://127.0.0.1:4222" || s.Link.Password.Reveal() != "p=w" ||
		s.Retry.String() != "1s,2s" || cmp.Diff([]string{"a", "b"}, s.Names) != "" {
		t.Errorf("read %+v", s)
	}
}

func TestAnEmptySettingIsTheDefault(t *testing.T) {
	var s settings
	if err := process.Load([]string{"OWNER=acme", "PARTITIONS=", "RETRY="}, &s); err != nil || s.Partitions != 16 || len(s.Retry) != 2 {
		t.Errorf("read %+v, %v", s, err)
	}
}

func TestEverythingWrongIsReportedAtOnce(t *testing.T) {
	var frame process.Settings
	var s settings
	err := process.Load([]string{
		"LOG_FORMAT=xml", "LOG_LEVEL=loud", "STOP_TIMEOUT=-1s",
		"PARTITIONS=many", "WAIT=5", "RETRY=0s,soon", "MAIL_PORT=70000", "NATS_PASSWORD_FILE=/does/not/exist",
	}, &frame, &s)
	want := `/LOG_LEVEL setting.refused
/LOG_FORMAT setting.refused
/STOP_TIMEOUT setting.refused
/NATS_PASSWORD_FILE setting.file
/OWNER setting.required
/PARTITIONS setting.malformed
/WAIT setting.malformed
/RETRY setting.malformed
/MAIL_PORT setting.malformed
`
	if diff := cmp.Diff(want, names(err)); diff != "" {
		t.Error(diff)
	}
}

func TestRulesAreCheckedBesideSettingsThatCannotBeRead(t *testing.T) {
	var s settings
	err := process.Load([]string{"OWNER=acme", "PARTITIONS=101"}, &s)
	if diff := cmp.Diff("/PARTITIONS setting.refused\n", names(err)); diff != "" {
		t.Error(diff)
	}
	err = process.Load([]string{"PARTITIONS=101", "WAIT=5"}, &s)
	if diff := cmp.Diff("/OWNER setting.required\n/WAIT setting.malformed\n/PARTITIONS setting.refused\n", names(err)); diff != "" {
		t.Error(diff)
	}
	err = process.Load([]string{"OWNER=acme", "PARTITIONS=a lot"}, &s)
	if diff := cmp.Diff("/PARTITIONS setting.malformed\n", names(err)); diff != "" {
		t.Error(diff)
	}
	if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Detail != `cannot be read as integer: "a lot", invalid syntax` {
		t.Errorf("said %q", p)
	}
}

func TestOneProblemOfSeveralStructsIsReportedOnce(t *testing.T) {
	var a, b settings
	err := process.Load(nil, &a, &b)
	if diff := cmp.Diff("/OWNER setting.required\n", names(err)); diff != "" {
		t.Error(diff)
	}
}

func TestASecretMayComeFromAFile(t *testing.T) {
	var s settings
	err := process.Load([]string{"OWNER=acme", "NATS_PASSWORD_FILE=" + write(t, " pass word\r\n")}, &s)
	if err != nil || s.Link.Password.Reveal() != " pass word" {
		t.Errorf("read %q, %v", s.Link.Password.Reveal(), err)
	}
}

func TestFilesOfSecretsThatCannotServeAreRefused(t *testing.T) {
	folder := t.TempDir()
	for name, environ := range map[string][]string{
		"both given":    {"NATS_PASSWORD=x", "NATS_PASSWORD_FILE=" + write(t, "y")},
		"no such file":  {"NATS_PASSWORD_FILE=" + filepath.Join(folder, "missing")},
		"a folder":      {"NATS_PASSWORD_FILE=" + folder},
		"far too large": {"NATS_PASSWORD_FILE=" + write(t, strings.Repeat("x", 64<<10+1))},
	} {
		var s settings
		err := process.Load(append(environ, "OWNER=acme"), &s)
		if diff := cmp.Diff("/NATS_PASSWORD_FILE setting.file\n", names(err)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	var s settings
	if err := process.Load([]string{"OWNER=acme", "OWNER_FILE=" + write(t, "evil")}, &s); err != nil || s.Owner != "acme" {
		t.Errorf("a file was read for a setting that is no secret: %q, %v", s.Owner, err)
	}
}

func TestARefusedSecretIsNotShown(t *testing.T) {
	var s struct {
		Password secret.Text `env:"PASSWORD,required"`
		Key      secret.Text `env:"KEY"`
	}
	err := process.Load([]string{"KEY=" + secret.Mask, "PASSWORD_FILE=" + write(t, "\n")}, &s)
	if diff := cmp.Diff("/PASSWORD setting.required\n/KEY setting.malformed\n", names(err)); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(err.Error(), secret.Mask) {
		t.Errorf("the value is shown: %v", err)
	}
}
