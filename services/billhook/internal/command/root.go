// Package command is the command line: one file per command, each of which
// reads its flags, asks the packages that do the work, and prints.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/shared/fault"
)

// World is what the command line takes from outside.
type World struct {
	Args     []string
	Environ  []string
	In       io.Reader
	Out, Err io.Writer
}

// lookup returns an environment variable.
func (w World) lookup(name string) (string, bool) {
	for _, kv := range w.Environ {
		if n, value, _ := strings.Cut(kv, "="); n == name {
			return value, true
		}
	}
	return "", false
}

// Exit statuses.
const (
	ok      = 0
	failed  = 1
	refused = 2
)

// Execute runs one command and returns the exit status: 0 when it did what it
// says, 1 when it failed, 2 when its input or settings were refused.
func Execute(ctx context.Context, w World) int {
	root := root(w) //nolint:contextcheck // commands have the context of ExecuteContext
	root.SetArgs(w.Args)
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return ok
	}
	fmt.Fprint(w.Err, explain(err))
	if fault.KindOf(err) == fault.Invalid {
		return refused
	}
	return failed
}

func root(w World) *cobra.Command {
	cmd := &cobra.Command{
		Use:           "billhook",
		Short:         "Turns billing events into signed webhooks and emails",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.PersistentFlags().String("data", "data", "data folder of the all-in-one")
	cmd.PersistentFlags().Duration("wait", reach, "how long commands look for a running Billhook")
	cmd.AddCommand(
		demoCommand(w), upCommand(w), applyCommand(w), publishCommand(w), checkCommand(w),
		keysCommand(w), setupCommand(w), tokensCommand(w), settingsCommand(), keygenCommand(), natsConfigCommand(),
	)
	return cmd
}

// explain writes an error for people: each problem on a line with its place.
func explain(err error) string {
	var refusal manifest.Refusal
	if errors.As(err, &refusal) {
		return refusal.Error() + "\nNothing was saved.\n"
	}
	problems := fault.ProblemsOf(err)
	if len(problems) == 0 {
		return "billhook: " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, p := range problems {
		where := p.Pointer
		if where == "" {
			where = "/"
		}
		if p.Line > 0 {
			where += fmt.Sprintf(" (line %d, column %d)", p.Line, p.Column)
		}
		fmt.Fprintf(&b, "%s: %s [%s]\n", where, p.Detail, p.Rule)
	}
	return b.String()
}
