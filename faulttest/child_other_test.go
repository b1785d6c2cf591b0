//go:build !linux

package faulttest

import (
	"os/exec"
	"testing"
)

func dieWithTest(*exec.Cmd) {}

func TestFullDisk(t *testing.T) { t.Skip("NOT TESTED: it needs Linux's mount or prlimit") }

func TestSyncComesBeforeAnswer(t *testing.T) { t.Skip("NOT TESTED: it needs strace") }

func TestSyncFails(t *testing.T) { t.Skip("NOT TESTED: it needs strace") }

func TestPowerCut(t *testing.T) { t.Skip("NOT TESTED: it needs strace") }

func TestPowerCutAfterKill(t *testing.T) { t.Skip("NOT TESTED: it needs strace") }
