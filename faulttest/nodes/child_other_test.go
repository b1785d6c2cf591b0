//go:build !linux

package nodes

import "os/exec"

func dieWithTest(*exec.Cmd) {}
