package process_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/shared/process"
)

func TestTheTableSaysAllOfEverySetting(t *testing.T) {
	got := process.Markdown(process.Table(settings{}, &link{}))
	want := "| name | type | unit | default | meaning |\n" +
		"|---|---|---|---|---|\n" +
		"| `MAIL_PORT` | integer |  | `25` | port of the mail server |\n" +
		"| `NAMES` | list of text |  |  | names |\n" +
		"| `NATS_PASSWORD`, `NATS_PASSWORD_FILE` | text |  |  | password |\n" +
		"| `NATS_URL` | text | URL | `nats://127.0.0.1:4222` | server |\n" +
		"| `OWNER` | text |  | required | the owner |\n" +
		"| `PARTITIONS` | integer |  | `16` | how many \\| partitions |\n" +
		"| `RETRY` | text | durations | `0s,5s` | delays |\n" +
		"| `WAIT` | duration | duration | `5s` | how long |\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASettingSaidDifferentlyStandsTwice(t *testing.T) {
	type other struct {
		URL string `env:"NATS_URL" envDefault:"nats://elsewhere" doc:"server"`
	}
	if rows := process.Table(link{}, other{}); len(rows) != 3 {
		t.Errorf("rows: %v", rows)
	}
}

func TestTheFrameDocumentsItsSettings(t *testing.T) {
	for _, row := range process.Table(process.Settings{}) {
		if row.Doc == "" {
			t.Errorf("%s has no meaning", row.Name)
		}
	}
}

func TestKindsAreNamedForPeople(t *testing.T) {
	var s struct {
		A bool           `env:"A"`
		B float64        `env:"B"`
		C map[string]int `env:"C"`
		D []uint16       `env:"D"`
	}
	var got []string
	for _, row := range process.Table(s) {
		got = append(got, row.Type)
	}
	want := []string{"boolean", "decimal", "pairs of text and integer", "list of integer"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
