//go:build faults

package kit

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

// faults ends the process with SIGKILL when it passes the fault point that the
// environment names, FAULT_POINT, for the FAULT_AFTER-th time. It is compiled
// into test builds only.
func faults() func(point string) {
	wanted := os.Getenv("FAULT_POINT")
	after, _ := strconv.ParseInt(os.Getenv("FAULT_AFTER"), 10, 64)
	if wanted == "" {
		return nil
	}
	var passed atomic.Int64
	return func(point string) {
		if point == wanted && passed.Add(1) == max(after, 1) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way: nothing more may happen
		}
	}
}
