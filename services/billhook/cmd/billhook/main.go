// Command billhook is the all-in-one and the command line.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // zones also where the system has none

	"github.com/billhook/billhook/services/billhook/internal/command"
	"github.com/billhook/billhook/shared/process"
)

func main() {
	ctx, stop := process.Signals(context.Background())
	status := command.Execute(ctx, command.World{
		Args: os.Args[1:], Environ: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
	})
	stop()
	os.Exit(status)
}
