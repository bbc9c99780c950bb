package deploy_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// awaitReady starts "billhook up" and waits until it works; it is ended with
// the test. It returns the environment by which commands find it.
func awaitReady(t *testing.T, up *exec.Cmd) []string {
	t.Helper()
	out, err := up.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	up.Stderr = os.Stderr
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = up.Process.Signal(os.Interrupt)
		_ = up.Wait()
	})
	var environ []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "NATS":
			environ = []string{"NATS_URL=" + strings.TrimSpace(rest)}
		case "Ready.":
			return environ
		}
	}
	t.Fatal("billhook up ended before it was ready")
	return nil
}
