//go:build !unix

package pgtest

import (
	"errors"
	"syscall"
)

// supported says that servers cannot be controlled as this package does it.
const supported = false

type signal int

const (
	sigStop signal = iota
	sigContinue
	sigKill
	sigInterrupt
)

func send(int, signal) error                   { return errors.ErrUnsupported }
func processes() (map[int]entry, error)        { return nil, errors.ErrUnsupported }
func ownSession() *syscall.SysProcAttr         { return nil }
func attributes(*account) *syscall.SysProcAttr { return nil }
func dieWithParent(*syscall.SysProcAttr)       {}
