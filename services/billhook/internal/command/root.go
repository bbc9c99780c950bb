// Package command is the command line: one file per command, each of which
// reads its flags, asks the packages that do the work, and prints.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
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
	began := watchBegin(root)
	cmd, err := misnamed(root, w.Args)
	if err == nil {
		cmd, err = root.ExecuteContextC(ctx)
	}
	switch {
	case err == nil:
		return ok
	case !*began: // the command line itself
		fmt.Fprintf(w.Err, "billhook: %v\n%s\n", err, usage(cmd))
		return refused
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(w.Err, "billhook: interrupted before it was done")
		return failed
	}
	fmt.Fprint(w.Err, explain(cmd, err))
	if fault.KindOf(err) == fault.Invalid {
		return refused
	}
	return failed
}

// watchBegin tells whether a command came to its work: what fails before is
// what was typed.
func watchBegin(cmd *cobra.Command) *bool {
	began := new(bool)
	var watch func(*cobra.Command)
	watch = func(c *cobra.Command) {
		if work := c.RunE; work != nil {
			c.RunE = func(c *cobra.Command, args []string) error {
				*began = true
				return work(c, args)
			}
		}
		for _, sub := range c.Commands() {
			watch(sub)
		}
	}
	watch(cmd)
	return began
}

// misnamed finds what stands where a group of commands wants the name of one.
// Left alone, the help of the group would be shown as if that had been wanted.
func misnamed(root *cobra.Command, args []string) (*cobra.Command, error) {
	group, rest, err := root.Find(args)
	if err != nil || !group.HasParent() || !group.HasSubCommands() {
		return nil, nil
	}
	_ = group.ParseFlags(rest) // it ends at a flag of the command that was meant, behind the word
	if group.Flags().NArg() == 0 {
		return nil, nil
	}
	var names []string
	for _, c := range group.Commands() {
		names = append(names, c.Name())
	}
	return group, fmt.Errorf("unknown command %q for %q, which has %s", group.Flags().Arg(0), group.CommandPath(), strings.Join(names, ", "))
}

// usage says how a command that was mistyped is typed.
func usage(cmd *cobra.Command) string {
	if cmd.HasSubCommands() {
		return fmt.Sprintf("%q lists the commands.", cmd.CommandPath()+" --help")
	}
	return "Usage: " + cmd.UseLine()
}

// untilStopped is the error of a command that runs until it is stopped: to be
// stopped is no failure of it.
func untilStopped(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

func root(w World) *cobra.Command {
	cmd := &cobra.Command{
		Use:           "billhook",
		Short:         "Turns billing events into signed webhooks, emails and event queues",
		Version:       process.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	cmd.PersistentFlags().String("data", "data", "data folder of the all-in-one")
	cmd.PersistentFlags().Duration("wait", reach, "how long commands look for a running Billhook")
	cmd.AddCommand(
		demoCommand(w), upCommand(w), applyCommand(w), getCommand(w), publishCommand(w), checkCommand(w),
		keysCommand(w), auditCommand(w), secretsCommand(w), endpointsCommand(w), deliveriesCommand(w), parkedCommand(w), resendCommand(w), testCommand(w), smtpCommand(w), previewCommand(w), suppressionsCommand(w), scheduleCommand(w), queueCommand(w), setupCommand(w), deleteCommand(w), tokensCommand(w), settingsCommand(), keygenCommand(), natsConfigCommand(), versionCommand(),
	)
	cmd.AddCommand(controlCommands(w)...)
	return cmd
}

// explain writes an error of a command for people: each problem on a line with
// its place.
func explain(cmd *cobra.Command, err error) string {
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
		fmt.Fprintf(&b, "%s: %s [%s]\n", place(cmd, p), p.Detail, p.Rule)
	}
	return b.String()
}

// place names where a problem is, in the words of whoever typed the command: a
// setting, a flag, or the place in a document.
func place(cmd *cobra.Command, p fault.Problem) string {
	name := strings.TrimPrefix(p.Pointer, "/")
	switch {
	case p.Line > 0:
		return fmt.Sprintf("%s (line %d, column %d)", cmp.Or(p.Pointer, "/"), p.Line, p.Column)
	case strings.HasPrefix(p.Rule, "setting."):
		return name
	case flagOf(cmd, name) != "":
		return "--" + flagOf(cmd, name)
	default:
		return cmp.Or(p.Pointer, "/")
	}
}

// flagOf returns the flag that a member is given by, empty for none: --endpoint
// gives one of endpoints, --expires gives expires_at.
func flagOf(cmd *cobra.Command, member string) string {
	member, _, _ = strings.Cut(member, "/")
	for _, name := range []string{member, strings.TrimSuffix(member, "s"), strings.TrimSuffix(member, "_at")} {
		if name != "" && cmd.Flags().Lookup(name) != nil {
			return name
		}
	}
	return ""
}
