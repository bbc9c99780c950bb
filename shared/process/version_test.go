package process_test

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/billhook/billhook/shared/process"
)

func TestTheVersionTellsWhatTheProgramWasBuiltFrom(t *testing.T) {
	for _, row := range []struct {
		name     string
		settings []debug.BuildSetting
		want     string
	}{
		{"a revision as it was committed", []debug.BuildSetting{
			{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "ca789119"}, {Key: "vcs.modified", Value: "false"},
		}, "v1.2.3, revision ca789119, go1.26.4"},
		{"a revision that was modified", []debug.BuildSetting{
			{Key: "vcs.revision", Value: "ca789119"}, {Key: "vcs.modified", Value: "true"},
		}, "v1.2.3, revision ca789119, modified, go1.26.4"},
		{"no known revision", nil, "v1.2.3, go1.26.4"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := process.Describe(&debug.BuildInfo{
				GoVersion: "go1.26.4", Main: debug.Module{Version: "v1.2.3"}, Settings: row.settings,
			})
			if got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

// A service that lacks settings, as this one does, tells its version all the same.
func TestAServiceAskedForItsVersionTellsItAndDoesNotStart(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--version")
	cmd.Env = []string{"PROBE=wait"}
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if got := string(out); err != nil || log.Len() > 0 || !strings.HasPrefix(got, "probe ") || !strings.HasSuffix(got, runtime.Version()+"\n") {
		t.Errorf("%q, %v; log: %s", got, err, log.String())
	}
}
