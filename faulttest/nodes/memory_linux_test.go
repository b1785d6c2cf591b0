package nodes

import (
	"fmt"
	"os"
	"strings"
)

// memory returns how much memory the process has, in bytes.
func (n *node) memory() int {
	n.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	var size int
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	if _, err := fmt.Sscanf(rest, "%d kB", &size); err != nil {
		n.t.Fatal(err)
	}
	return size << 10
}
