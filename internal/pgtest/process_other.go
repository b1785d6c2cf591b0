//go:build unix && !linux

package pgtest

import (
	"bytes"
	"fmt"
	"os/exec"
	"syscall"
)

// dieWithParent does nothing, since not every system can do it. The guard of the folder
// is what ends the servers there.
func dieWithParent(*syscall.SysProcAttr) {}

// processes returns all processes of the system.
func processes() (map[int]entry, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,state=").Output()
	if err != nil {
		return nil, err
	}
	all := make(map[int]entry)
	for line := range bytes.Lines(out) {
		var pid int
		var e entry
		if _, err := fmt.Sscanf(string(line), "%d %d %c", &pid, &e.parent, &e.state); err == nil {
			all[pid] = e
		}
	}
	return all, nil
}
