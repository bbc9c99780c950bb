package planning_test

import (
	"flag"
	"os"
	"testing"
)

// checks is how many lives are played unless -rapid.checks says otherwise: each
// is short.
const checks = "5000"

func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", checks) // what the command line says comes later
	os.Exit(m.Run())
}
