package faulttest

import (
	"os/exec"
	"syscall"
)

// dieWithTest makes the kernel kill a process when the test process ends, in whatever way.
func dieWithTest(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
