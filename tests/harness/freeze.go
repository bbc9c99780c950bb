//go:build unix

package harness

import "syscall"

// Freeze has the process stand still, as a machine that sleeps does, until
// Thaw.
func (p *Process) Freeze() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw has a frozen process go on.
func (p *Process) Thaw() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }
