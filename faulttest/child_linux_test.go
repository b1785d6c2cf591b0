package faulttest

import (
	"os/exec"
	"syscall"
)

// dieWithTest has a process killed when the test ends in whatever way.
func dieWithTest(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
