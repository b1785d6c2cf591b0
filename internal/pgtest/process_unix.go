//go:build unix

package pgtest

import "syscall"

// supported says that servers can be controlled as this package does it.
const supported = true

type signal = syscall.Signal

const (
	sigStop      = syscall.SIGSTOP
	sigContinue  = syscall.SIGCONT
	sigKill      = syscall.SIGKILL
	sigInterrupt = syscall.SIGINT
)

func send(pid int, s signal) error { return syscall.Kill(pid, s) }

// ownSession keeps the signals of a terminal from a process.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// attributes makes a process run as a user, apart from the test's process group.
func attributes(a *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}
