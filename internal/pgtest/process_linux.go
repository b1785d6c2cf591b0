package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// dieWithParent makes the system kill a process once the thread that started it ends.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// processes returns all processes of the system.
func processes() (map[int]entry, error) {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	all := make(map[int]entry)
	for _, name := range names {
		pid, err := strconv.Atoi(name.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		// the name of the program is in parentheses, and may have some itself
		var e entry
		if _, err := fmt.Fscanf(bytes.NewReader(stat[bytes.LastIndexByte(stat, ')')+1:]), " %c %d", &e.state, &e.parent); err != nil {
			return nil, fmt.Errorf("process %d: %w: %s", pid, err, stat)
		}
		all[pid] = e
	}
	return all, nil
}
