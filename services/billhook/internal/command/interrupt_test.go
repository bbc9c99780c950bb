package command_test

import (
	"context"
	"strings"
	"testing"

	"github.com/billhook/billhook/services/billhook/internal/command"
)

// onWrite does something at whatever is printed first.
type onWrite func()

func (do onWrite) Write(p []byte) (int, error) {
	do()
	return len(p), nil
}

func TestAnInterruptedCommandDoesNotEndLikeOneThatIsDone(t *testing.T) {
	a := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var said transcript
	status := command.Execute(ctx, command.World{
		Args:    []string{"publish", "--owner", "acme", "--file", "-", "--data", a.data},
		Environ: append(a.environ, "NATS_URL="+a.nats),
		In:      strings.NewReader("{\"type\": \"bill_run.started\"}\n{\"type\": \"bill_run.started\"}\n"),
		Out:     onWrite(cancel), Err: &said,
	})
	if status != 1 || said.String() != "billhook: interrupted before it was done\n" {
		t.Errorf("status %d: %q", status, said.String())
	}
}
