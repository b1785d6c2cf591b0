package pgtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKilled kills a test that has paused a server, and another one that runs. Nothing of
// it may be left.
func TestKilled(t *testing.T) {
	t.Parallel()
	const child = "PGTEST_CHILD"
	if os.Getenv(child) != "" {
		running, paused := Start(t), Start(t)
		paused.Pause()
		all, err := processes()
		if err != nil {
			t.Fatal(err)
		}
		below := append(descendants(all, running.process.pid), descendants(all, paused.process.pid)...)
		f, _ := shared()
		fmt.Println("folder", f.path)
		for _, pid := range append(below, running.process.pid, paused.process.pid) {
			fmt.Println("pid", pid)
		}
		fmt.Println("ready")
		time.Sleep(limit)
	}
	Need(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), child+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var folder string
	var pids []int
	ready := false
	for lines := bufio.NewScanner(stdout); !ready && lines.Scan(); {
		switch name, value, _ := strings.Cut(lines.Text(), " "); name {
		case "folder":
			folder = value
		case "pid":
			pid, _ := strconv.Atoi(value)
			pids = append(pids, pid)
		case "ready":
			ready = true
		default:
			t.Log(lines.Text())
		}
	}
	if !ready || len(pids) < 8 {
		t.Fatalf("the other test has started %v", pids)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	left := func() string {
		all, err := processes()
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			if e, ok := all[pid]; ok && !e.dead() {
				return fmt.Sprintf("process %d: %+v", pid, e)
			}
		}
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
		return ""
	}
	for deadline := time.Now().Add(limit); left() != ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("left behind: ", left())
		}
	}
}
