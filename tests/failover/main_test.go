// Package failover kills schedulers and NATS servers around the moments at
// which events are due, and judges by what was accepted: each plan's event is
// there once, and none before its moment.
package failover_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/billhook/billhook/tests/harness"
)

// node names the configuration file of the NATS server that this binary is to
// be, in place of a test.
const node = "FAILOVER_NODE"

// builder builds the programs once for all tests.
var builder *harness.Builder

func TestMain(m *testing.M) {
	if file := os.Getenv(node); file != "" {
		if err := serve(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var err error
	if builder, err = harness.NewBuilder(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	builder.Remove()
	os.Exit(status)
}

// serve runs a NATS server until it is killed.
func serve(file string) error {
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		return err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return nil
}
